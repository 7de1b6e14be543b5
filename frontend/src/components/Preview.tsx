import { useState } from "react";

/** A chosen image, beside its file name; browsers cannot show every format the server reads. */
export function Preview({ url }: { url: string }) {
  const [shown, setShown] = useState(true);
  return shown ? (
    <img className="preview" src={url} alt="" onError={() => setShown(false)} />
  ) : (
    <span className="preview no-preview">no preview</span>
  );
}
