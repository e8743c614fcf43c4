// SPDX-License-Identifier: Apache-2.0
// How values of the catalogue are written for people: names, dates, ages, counts.
import type { SeriesInfo, Study } from './api';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A DICOM person name's first component group: `Family, Given Middle`. */
export function personName(pn: string | null): string {
  if (!pn) return '';
  const group = pn.split('=')[0] ?? '';
  const [family = '', given = '', middle = ''] = group.split('^').map((s) => s.trim());
  const first = [given, middle].filter(Boolean).join(' ');
  return first && family ? `${family}, ${first}` : family || first;
}

/** `20260102` as `2 Jan 2026`; what is not a date is shown as it is. */
export function dicomDate(da: string | null): string {
  const m = /^(\d{4})[.-]?(\d{2})[.-]?(\d{2})$/.exec(da ?? '');
  if (!m) return da ?? '';
  return `${Number(m[3])} ${MONTHS[Number(m[2]) - 1] ?? '?'} ${m[1]}`;
}

export function dicomTime(tm: string | null): string {
  const m = /^(\d{2}):?(\d{2})/.exec(tm ?? '');
  return m ? `${m[1]}:${m[2]}` : '';
}

/** `047Y` as `47 y`, `006M` as `6 mo`; falls back to birth date and study date. */
export function age(study: Study): string {
  const m = /^(\d{3})([DWMY])$/.exec(study.age ?? '');
  if (m) {
    const unit = { D: 'd', W: 'wk', M: 'mo', Y: 'y' }[m[2] as 'D' | 'W' | 'M' | 'Y'];
    return `${Number(m[1])} ${unit}`;
  }
  if (!/^\d{8}$/.test(study.birth_date ?? '') || !/^\d{8}$/.test(study.date ?? '')) return '';
  const years = Math.floor((Number(study.date) - Number(study.birth_date)) / 10000);
  return years >= 0 && years < 130 ? `${years} y` : '';
}

export function ageSex(study: Study): string {
  return [age(study), study.sex ?? ''].filter(Boolean).join(' ');
}

/** What a study is called in the catalogue: description, else body parts, else its modalities. */
export function studyTitle(study: Study): string {
  return study.description || study.body_parts.join(', ') || study.modalities.join(', ') || 'Study without a description';
}

export function seriesTitle(series: SeriesInfo): string {
  return series.description || series.body_part || series.modality || 'Series';
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-GB').replaceAll(',', '\u202f')} ${n === 1 ? one : many}`;
}

/** A window value: whole where it is large, with decimals where it is a fraction. */
export function level(value: number): string {
  const size = Math.abs(value);
  if (size >= 20 || Number.isInteger(value)) return num(value);
  return size >= 1 ? num(value, 1) : Number(value.toPrecision(2)).toString().replace('-', '\u2212');
}

/** A number with a real minus sign and at most `digits` decimals. */
export function num(value: number, digits = 0): string {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '\u2212');
}

/** A moment of the server as a person reads it: the hour today, day and hour otherwise. */
export function moment(iso: string | null, now: number): string {
  if (!iso) return '';
  const d = new Date(iso);
  const two = (n: number) => String(n).padStart(2, '0');
  const hour = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (d.toDateString() === new Date(now).toDateString()) return hour;
  const year = d.getFullYear() === new Date(now).getFullYear() ? '' : ` ${d.getFullYear()}`;
  return `${d.getDate()} ${MONTHS[d.getMonth()] ?? '?'}${year} ${hour}`;
}

/** How long ago, or how long until: `3 min ago`, `in 20 s`. */
export function relative(iso: string | null, now: number): string {
  if (!iso) return '';
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 2) return 'now';
  const [value, unit] =
    size < 90 ? [size, 's'] : size < 5400 ? [Math.round(size / 60), 'min'] : size < 129600 ? [Math.round(size / 3600), 'h'] : [Math.round(size / 86400), 'd'];
  return seconds < 0 ? `${value} ${unit} ago` : `in ${value} ${unit}`;
}
