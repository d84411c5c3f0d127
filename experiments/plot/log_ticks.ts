// Where a logarithmic axis has its numbers.

/** 1, 2 and 5 in each power of ten between two numbers; 1 alone where that would be many. */
export function logTicks(low: number, high: number): number[] {
  const digits = high / low > 1e4 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of digits) ticks.push(Number(`${digit}e${power}`));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}
