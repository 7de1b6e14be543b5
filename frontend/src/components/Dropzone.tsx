import { type ChangeEvent, useEffect, useEffectEvent, useState } from "react";
import { home } from "../home";

/** Dropped files; a folder comes as a file that cannot be read, so it is left out. */
function droppedFiles(transfer: DataTransfer): File[] {
  return [...transfer.items].flatMap((item) => {
    const file = item.webkitGetAsEntry()?.isDirectory ? null : item.getAsFile();
    return file ? [file] : [];
  });
}

export function Dropzone({ onAdd }: { onAdd: (files: File[]) => void }) {
  const [over, setOver] = useState(false);

  const onDrop = useEffectEvent((event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer) onAdd(droppedFiles(event.dataTransfer));
  });

  // On the whole document: a file dropped beside the zone would replace the page and its results.
  useEffect(() => {
    const dragOver = (event: DragEvent) => {
      event.preventDefault();
      setOver(true);
    };
    const dragLeave = (event: DragEvent) => {
      if (!event.relatedTarget) setOver(false);
    };
    const drop = (event: DragEvent) => onDrop(event);
    document.addEventListener("dragover", dragOver);
    document.addEventListener("dragleave", dragLeave);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("dragover", dragOver);
      document.removeEventListener("dragleave", dragLeave);
      document.removeEventListener("drop", drop);
    };
  }, []);

  function onChange({ currentTarget }: ChangeEvent<HTMLInputElement>) {
    onAdd([...(currentTarget.files ?? [])]);
    currentTarget.value = ""; // so that a file removed meanwhile can be chosen again
  }

  return (
    <label className={over ? "dropzone over" : "dropzone"}>
      <input
        type="file"
        className="visually-hidden"
        data-testid="dropzone-input"
        accept="image/*,.bmp"
        multiple
        onChange={onChange}
      />
      <span className="dropzone-title">Drop images here, or choose files</span>
      <span className="muted">
        One cell in each image, cut out on black as in C-NMC 2019: BMP, PNG, JPEG and the like.{" "}
        {home.words.where}
      </span>
    </label>
  );
}
