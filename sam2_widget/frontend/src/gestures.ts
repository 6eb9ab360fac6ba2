// What the mouse and the crosshair do, as one table: the help and the README are made from it.

export interface Gesture {
  /** Mod is Ctrl or Cmd. */
  gesture: string;
  text: string;
}

/** By what one is about, in the order of the help. */
export const GESTURES: readonly (readonly [string, readonly Gesture[]])[] = [
  [
    "Mouse",
    [
      { gesture: "Left click", text: "Positive point: this belongs to the object" },
      { gesture: "Right click, Shift + click", text: "Negative point: this does not" },
      { gesture: "Drag a point", text: "Move it" },
      { gesture: "Click a point", text: "Select it" },
      { gesture: "Alt + click a point", text: "Remove it" },
      { gesture: "Mod + drag", text: "Box round the object, in the place of this frame's points" },
    ],
  ],
  [
    "Mouse on the view",
    [
      { gesture: "Mod + wheel, or pinch", text: "Zoom in or out" },
      { gesture: "Space + drag, middle drag", text: "Move the picture" },
      { gesture: "Drag the edge below the picture", text: "Make it larger or smaller" },
      { gesture: "Drag on the timeline", text: "Go through the frames" },
      { gesture: "Drag the ends of the range", text: "Change where it begins and ends" },
    ],
  ],
  [
    "Mouse with a tool",
    [
      { gesture: "Drag with Box", text: "Box round the object" },
      { gesture: "Drag with Brush", text: "Paint; right button or Shift erases" },
      { gesture: "Drag with Eraser", text: "Wipe away; Shift paints" },
      { gesture: "Click with Keypoints", text: "Place the named keypoint" },
      { gesture: "Right click a keypoint", text: "It is occluded on this frame, or visible again" },
      { gesture: "Drag, click, Alt + click", text: "On keypoints as on points" },
    ],
  ],
  [
    "With the crosshair",
    [
      { gesture: "Arrow keys", text: "Move it; with Shift by one pixel" },
      { gesture: "Enter", text: "Point, keypoint, corner of a box or dab of the brush there" },
      { gesture: "Shift + Enter", text: "Negative point, occluded keypoint, or erase" },
    ],
  ],
];
