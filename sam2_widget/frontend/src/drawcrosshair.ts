// Draws the crosshair of the keyboard: white between dark rims, seen on any ground.

const RIM = "rgba(0, 0, 0, 0.75)";
/** From the middle (CSS pixels): where its arms begin and end; and round a point, which stays in sight. */
const ARMS = [4, 17] as const;
const ARMS_ROUND_A_POINT = [15, 26] as const;

/** @param radius of the brush in CSS pixels; 0 when there is none in hand */
export function drawCrosshair(
  context: CanvasRenderingContext2D,
  radius: number,
  isOnPoint: boolean,
): void {
  const [start, end] = isOnPoint ? ARMS_ROUND_A_POINT : ARMS;
  context.globalAlpha = 1;
  context.lineCap = "butt";
  context.setLineDash([]);
  context.beginPath();
  for (const [x, y] of [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1],
  ] as const) {
    context.moveTo(start * x, start * y);
    context.lineTo(end * x, end * y);
  }
  if (radius > 0) {
    context.moveTo(radius, 0);
    context.arc(0, 0, radius, 0, 2 * Math.PI);
  }
  context.strokeStyle = RIM;
  context.lineWidth = 4;
  context.stroke();
  context.strokeStyle = "#fff";
  context.lineWidth = 2;
  context.stroke();
  if (isOnPoint) return;
  // The place itself.
  context.fillStyle = RIM;
  context.fillRect(-1.5, -1.5, 3, 3);
  context.fillStyle = "#fff";
  context.fillRect(-0.75, -0.75, 1.5, 1.5);
}
