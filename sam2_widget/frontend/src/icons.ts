// The icons: lines on a 16 x 16 grid in the colour of the text; their names are on the buttons.

const PATHS = {
  prev: "M10 3.5 5.5 8l4.5 4.5",
  next: "M6 3.5 10.5 8 6 12.5",
  play: "M5 3.2v9.6L12.5 8z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  undo: "M6 3 3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6",
  redo: "m10 3 3 3-3 3M13 6H6.5a3.5 3.5 0 0 0 0 7H10",
  track: "M2.5 8h8M7.5 4.5 11 8l-3.5 3.5M13.5 3.5v9",
  "track-all": "M1.5 5h8M7 2.5 9.5 5 7 7.5M1.5 11h8M7 8.5 9.5 11 7 13.5M13 2.5v11",
  "suspect-prev": "M6.500 4.500 3 8l3.500 3.500M11.500 3.500v5.500M11.500 12.300v.1",
  "suspect-next": "M4.500 3.500v5.500M4.500 12.300v.1M9.500 4.500 13 8l-3.500 3.500",
  spread: "M5 5 2 8l3 3M11 5l3 3-3 3M2.500 8h11",
  squeeze: "M3.500 5 6.500 8l-3 3M12.500 5l-3 3 3 3M1.500 8h4.500M10 8h4.500",
  caret: "m4.5 6.5 3.5 3.5 3.5-3.5",
  check: "m3.5 8.5 3 3 6-7",
  tick: "m3.5 8.5 3 3 6-7",
  pencil: "m3 13 .8-3L10.500 3.300l2.200 2.200L6 12.200zM9.200 4.600l2.200 2.200",
  reset: "M3.200 6.200A5.200 5.200 0 1 1 2.800 9M3 2.800v3.600h3.600",
  point: "M8 2v3.5M8 10.5V14M2 8h3.5M10.5 8H14M8 7.5v1M7.5 8h1",
  box: "M2.5 5V2.5H5M11 2.5h2.5V5M13.5 11v2.5H11M5 13.5H2.5V11M7.3 2.5h1.4M7.3 13.5h1.4M2.5 7.3v1.4M13.5 7.3v1.4",
  brush:
    "M13.500 2.500c-2.600 1-5 2.900-6.800 5.300l1.500 1.500c2.400-1.800 4.300-4.200 5.300-6.800zM6 8.800c-1.700 0-2.500 1.200-2.500 2.500 0 .9-.4 1.700-1.300 2.200 2.900.6 5.300-.3 5.300-2.900",
  eraser: "m9.300 2.800 4 4-6.300 6.300H4.500L2.300 10.800zM5.800 6.300l4 4M7 13.100h6.300",
  keypoint: "M5 5h6v6H5zM8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M7.5 8h1",
  copy: "M2.5 2.5h8v8h-8zM13.5 5.500v8h-8",
  gap: "M2.5 4h3v8h-3M8.500 8h5M11 5.5 13.5 8 11 10.5",
  clear: "M2 3.5h12v9H2zM6.2 6.2l3.6 3.6M9.8 6.2 6.2 9.8",
  bin: "M3 4.5h10M6.2 4.5V2.8h3.6v1.7M4.5 4.5l.6 8.7h5.8l.6-8.7",
  save: "M3 2.5h8L13.5 5v8.500h-11v-11zM5.500 2.700v3.300h4.500V2.700M5 13.300V9.500h6v3.800",
  load: "M1.800 12.500V3.500h4l1.400 1.800h6v2M1.800 12.500l2-5.200h10.700l-2 5.200z",
  export: "M8 2v7.500M4.800 6.500 8 9.700l3.200-3.200M2.500 10.500v3h11v-3",
  close: "m4 4 8 8M12 4l-8 8",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  layers: "M8 2.5 14 6 8 9.500 2 6zM2.500 9.200 8 12.500l5.500-3.300",
  "full-screen": "M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10",
  eye: "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 1 0 3.600 1.8 1.8 0 0 1 0-3.600z",
  "eye-off":
    "M6.2 4a6 6 0 0 1 1.8-.2c4 0 6.5 4.2 6.5 4.2s-.7 1.2-2 2.300M9.700 12a6 6 0 0 1-1.700.2C4 12.2 1.5 8 1.5 8s.8-1.400 2.300-2.5M3 3l10 10",
  warning: "M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.5v.1",
  error: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 5v3.8M8 11v.1",
  info: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 7.5v3.5M8 5v.1",
  refresh: "M13 8a5 5 0 1 1-1.5-3.600L13 5.800M13 2.5v3.300H9.700",
  upload: "M8 10.5v-8M4.800 5.700 8 2.5l3.200 3.200M2.5 10.5v3h11v-3",
  film: "M2 3.5h12v9H2zM5 3.5v9M11 3.5v9M2 8h3M11 8h3",
  images: "M4.5 2.5h9v8h-9zM2.5 5v8h9M4.5 9l3-2.800 2.5 2.300 1.500-1.300 2 1.800",
  loop: "M4 6.500V6a2.500 2.500 0 0 1 2.500-2.500h6.500M11 1.500l2 2-2 2M12 9.500v.5a2.500 2.500 0 0 1-2.500 2.500H3M5 14.500l-2-2 2-2",
  help: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM6.200 6.400a1.800 1.800 0 1 1 2.700 1.600C8.200 8.400 8 8.700 8 9.300M8 11.300v.1",
  clock: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 4.800V8l2.300 1.600",
} as const;

export type IconName = keyof typeof PATHS;

const SVG = "http://www.w3.org/2000/svg";

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `s2w-icon s2w-icon-${name}`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
