import assert from "node:assert/strict";
import test from "node:test";
import { toCsv } from "../src/pure/csv.js";

const answer = {
  name: "UID_1_2_3_all.bmp",
  ok: true,
  label: "Leukemia",
  confidence: 0.87,
  probability: 0.8712,
  without_graph: 0.7512,
  as_dummy_node: 0.7301,
  above_operating_point: true,
  leukemic_share: 0.5,
  neighbours: [
    { filename: "a.bmp", subject: "11", label: "Leukemia", similarity: 0.97, change: -0.012 },
    { filename: "b.bmp", subject: "H12", label: "Healthy", similarity: 0.96, change: 0.03 },
  ],
  warnings: [],
};

test("one row for each result under one header, lines end with CR LF", () => {
  const told = toCsv([answer, { name: "broken.bmp", ok: false, error: "It is no image." }]);
  assert.deepEqual(told.split("\r\n"), [
    "file_name,ok,label,confidence,probability,without_graph,as_dummy_node,above_operating_point," +
      "leukemic_share,neighbours,warnings,error",
    "UID_1_2_3_all.bmp,true,Leukemia,0.87,0.8712,0.7512,0.7301,true,0.5," +
      '"a.bmp (subject 11, Leukemia, 0.97, without it -0.012); ' +
      'b.bmp (subject H12, Healthy, 0.96, without it 0.03)",,',
    "broken.bmp,false,,,,,,,,,,It is no image.",
    "",
  ]);
});

test("quotes, commas and line ends are quoted", () => {
  const told = toCsv([{ name: 'a"b,c\n.bmp', ok: false, error: "No." }]);
  assert.ok(told.includes('\r\n"a""b,c\n.bmp",false,'));
});

for (const sign of ["=", "+", "-", "@", "\t", "\r"]) {
  test(`text that begins with ${JSON.stringify(sign)} is no formula`, () => {
    const told = toCsv([{ name: `${sign}1`, ok: false, error: "No." }]);
    assert.match(told, /\r\n"?'/);
  });
}

test("a negative number stays a number", () => {
  const told = toCsv([{ ...answer, probability: -0.5 }]);
  assert.ok(told.includes(",-0.5,"));
});
