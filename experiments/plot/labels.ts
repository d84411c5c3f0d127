// Names at the ends of curves must not lie on each other where the curves end close together.

/**
 * Moves positions apart until each is at least `gap` from the next and all lie in [low, high], keeping
 * their order and staying as near to where they were as that allows.
 */
export function spreadLabels(
  positions: readonly number[],
  gap: number,
  low: number,
  high: number,
): number[] {
  const order = positions.map((_, i) => i).sort((a, b) => positions[a]! - positions[b]!);
  // Blocks of touching labels: each block is centred on the mean of what its members want.
  const blocks: { members: number[]; center: number }[] = [];
  const half = ({ members }: { members: number[] }) => (members.length - 1) * gap / 2;
  const place = (members: number[]) => {
    const mean = members.reduce((sum, i) => sum + positions[i]!, 0) / members.length;
    const block = { members, center: mean };
    block.center = Math.max(low + half(block), Math.min(high - half(block), mean));
    return block;
  };
  for (const index of order) {
    let block = place([index]);
    for (let above = blocks.at(-1); above; above = blocks.at(-1)) {
      if (above.center + half(above) + gap <= block.center - half(block) + 1e-12) break;
      blocks.pop();
      block = place([...above.members, ...block.members]);
    }
    blocks.push(block);
  }
  const placed = [...positions];
  for (const block of blocks) {
    block.members.forEach((index, i) => placed[index] = block.center - half(block) + i * gap);
  }
  return placed;
}
