// SPDX-License-Identifier: Apache-2.0
// A series of the open study: its metadata fetched once, its images loaded through the cache, and what failed and why.
import { cache, type Types } from '@cornerstonejs/core';
import { ApiError, getJson, type SeriesInfo } from '../lib/api';
import { isVideo, problemOf } from '../lib/showable';
import { str, type JsonDataSet } from './dicom-json';
import { framesOf, type Frame } from './frame';
import { startImage } from './loader';
import { know } from './metadata';

/** What every request for an image says: the options that viewports use too, so that the cache is shared. */
const LOAD_OPTIONS = { useRGBA: false };

/** An image from the cache, else from the server into the cache. */
export function loadImage(imageId: string): Promise<Types.IImage> {
  const known = cache.getImageLoadObject(imageId);
  if (known) return known.promise as Promise<Types.IImage>;
  const object = startImage(imageId, LOAD_OPTIONS);
  // A failure is told by the promise that is returned; the cache only forgets the image.
  cache.putImageLoadObject(imageId, object).catch(() => undefined);
  return object.promise as Promise<Types.IImage>;
}

export class SeriesModel {
  frames: Frame[] = [];
  /** Addresses of video streams, one an instance; such a series has no frames of its own here. */
  videos: string[] = [];
  /** Why the series as a whole cannot be shown, in words; null when it can or is not yet known. */
  problem: string | null;
  readonly loaded = new Set<number>();
  readonly failed = new Map<number, string>();
  private pending: Promise<void> | null = null;
  private readonly inFlight = new Map<number, Promise<Types.IImage>>();

  constructor(
    readonly study: string,
    readonly info: SeriesInfo,
    private readonly changed: () => void,
  ) {
    this.problem = problemOf(info);
  }

  get uid(): string {
    return this.info.series_uid;
  }

  get readable(): boolean {
    return this.problem === null;
  }

  /** Fetches the metadata, once; afterwards `frames` is filled or `problem` says why not. */
  open(): Promise<void> {
    this.pending ??= this.readable ? this.fetchMetadata() : Promise.resolve();
    return this.pending;
  }

  private async fetchMetadata(): Promise<void> {
    const path = `/dicom-web/studies/${this.study}/series/${this.uid}/metadata`;
    try {
      const instances = await getJson<JsonDataSet[]>(path, undefined, 'application/dicom+json');
      if (isVideo(this.info)) {
        this.videos = instances.map((ds) => `${path.replace(/metadata$/, '')}instances/${str(ds, '00080018')}/rendered`);
      } else {
        this.frames = framesOf(instances, { study: this.study, series: this.uid });
        know(this.frames);
      }
      if (this.frames.length + this.videos.length === 0) this.problem = 'This series has no images';
    } catch (cause) {
      this.problem = cause instanceof ApiError ? cause.message : 'The description of this series could not be read';
      this.pending = null;
    }
    this.changed();
  }

  /** The image at `index`, from the cache or the server. Rejects with words; the words are kept in `failed`. */
  image(index: number): Promise<Types.IImage> {
    const frame = this.frames[index];
    if (!frame) return Promise.reject(new Error('There is no such image'));
    const known = this.inFlight.get(index);
    if (known) return known;
    const promise = loadImage(frame.imageId);
    this.inFlight.set(index, promise);
    promise.then(
      () => this.settle(index, null),
      (cause: unknown) => this.settle(index, wordsOf(cause)),
    );
    return promise;
  }

  private settle(index: number, failure: string | null): void {
    this.inFlight.delete(index);
    if (failure === null) {
      this.loaded.add(index);
      this.failed.delete(index);
    } else {
      this.failed.set(index, failure);
    }
    this.changed();
  }
}

function wordsOf(cause: unknown): string {
  if (cause instanceof Error) return cause.message;
  const inner = (cause as { error?: unknown } | null)?.error;
  return inner instanceof Error ? inner.message : 'The image could not be read';
}
