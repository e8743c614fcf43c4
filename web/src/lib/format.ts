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

