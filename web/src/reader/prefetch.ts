// SPDX-License-Identifier: Apache-2.0
// Fetches the rest of what is on the screen, nearest to the current image first, a few at a time, so that scrolling
// never waits and the image that is wanted now never queues behind the others.
import type { SeriesModel } from './series';

export interface Wanted {
  series: SeriesModel;
  index: number;
}

const AT_ONCE = 3;
const BYTES_AHEAD = 700 * 2 ** 20;

/** Offsets around the current image in the order 0, +1, -1, +2, -2 … as far as memory allows. */
function nextMissing({ series, index }: Wanted, busy: (index: number) => boolean): number | null {
  const f = series.frames[index];
  if (!f) return null;
  const bytes = Math.max(1, f.rows * f.columns * Math.max(2, f.samplesPerPixel));
  const reach = Math.max(4, Math.floor(BYTES_AHEAD / bytes / 2));
  const last = Math.min(reach, series.frames.length);
  for (let d = 0; d <= last; d += 1) {
    for (const i of d === 0 ? [index] : [index + d, index - d]) {
      if (i < 0 || i >= series.frames.length || busy(i)) continue;
      if (!series.loaded.has(i) && !series.failed.has(i)) return i;
    }
  }
  return null;
}

export class Prefetcher {
  private running = 0;
  private stopped = false;
  private readonly busy = new Set<string>();

  constructor(private readonly wanted: () => Wanted[]) {}

  /** Looks for something to fetch; called whenever the screen changes. */
  kick(): void {
    while (!this.stopped && this.running < AT_ONCE) {
      const job = this.pick();
      if (!job) return;
      this.run(job.series, job.index);
    }
  }

  stop(): void {
    this.stopped = true;
  }

  private pick(): Wanted | null {
    for (const w of this.wanted()) {
      if (!w.series.readable) continue;
      const index = nextMissing(w, (i) => this.busy.has(`${w.series.uid}/${i}`));
      if (index !== null) return { series: w.series, index };
    }
    return null;
  }

  private run(series: SeriesModel, index: number): void {
    const name = `${series.uid}/${index}`;
    this.busy.add(name);
    this.running += 1;
    const over = () => {
      this.busy.delete(name);
      this.running -= 1;
      this.kick();
    };
    series.image(index).then(over, over);
  }
}
