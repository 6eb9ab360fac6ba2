// The colour of a scope that Python has not told of yet; twin of sam2_widget/palette.py.

export const OKABE_ITO = [
  "#009E73",
  "#E69F00",
  "#CC79A7",
  "#F0E442",
  "#D55E00",
  "#56B4E9",
  "#0072B2",
] as const;

export function paletteColor(instance: number, region: string, regions: readonly string[]): string {
  const index = regions.indexOf(region);
  const place = index < 0 ? regions.length : index;
  return OKABE_ITO[(place + 3 * (instance - 1)) % OKABE_ITO.length] ?? OKABE_ITO[0];
}
