/** Writes the drawing in two palettes, because an image cannot know the colours of its page. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scene } from "./scene.js";
import { drawingOf, PALETTES } from "./svg.js";

/** Returns the paths of the files. */
export function writePictures(directory: string, scene: Scene): string[] {
  mkdirSync(directory, { recursive: true });
  return Object.entries(PALETTES).map(([name, palette]) => {
    const path = join(directory, `outage-${name}.svg`);
    writeFileSync(path, drawingOf(scene, palette));
    return path;
  });
}
