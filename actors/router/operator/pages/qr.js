/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* QR codes (ISO/IEC 18004) of texts as bytes, with the lowest level of correction, as SVG. */
"use strict";
const qrImage = (() => {
  /* By version, from 1: bytes of correction in a block, and blocks, of level L. */
  const CORRECTION = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28,
    30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30];
  const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17,
    18, 19, 19, 20, 21, 22, 24, 25];
  const MASKS = [(x, y) => (x + y) % 2 === 0, (x, y) => y % 2 === 0, (x) => x % 3 === 0, (x, y) => (x + y) % 3 === 0,
    (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0, (x, y) => (x * y) % 2 + (x * y) % 3 === 0,
    (x, y) => ((x * y) % 2 + (x * y) % 3) % 2 === 0, (x, y) => ((x + y) % 2 + (x * y) % 3) % 2 === 0];

  const EXP = new Uint8Array(512), LOG = new Uint8Array(256);
  for (let i = 0, value = 1; i < 255; i++) {
    EXP[i] = EXP[i + 255] = value;
    LOG[value] = i;
    value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
  }
  const multiply = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);

  function divisor(degree) {
    const result = new Uint8Array(degree);
    result[degree - 1] = 1;
    for (let i = 0, root = 1; i < degree; i++, root = multiply(root, 2))
      for (let j = 0; j < degree; j++)
        result[j] = multiply(result[j], root) ^ (j + 1 < degree ? result[j + 1] : 0);
    return result;
  }

  function correction(data, by) {
    const result = Array.from(by, () => 0);
    for (const byte of data) {
      const factor = byte ^ result.shift();
      result.push(0);
      by.forEach((coefficient, i) => { result[i] ^= multiply(coefficient, factor); });
    }
    return result;
  }

  /* Modules of a version that are neither patterns nor format. */
  function capacity(version) {
    let bits = (16 * version + 128) * version + 64;
    if (version >= 2) {
      const count = Math.floor(version / 7) + 2;
      bits -= (25 * count - 10) * count - 55;
      if (version >= 7) bits -= 36;
    }
    return bits;
  }

  function alignments(version) {
    if (version === 1) return [];
    const count = Math.floor(version / 7) + 2;
    const step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
    const result = [6];
    for (let at = version * 4 + 10; result.length < count; at -= step) result.splice(1, 0, at);
    return result;
  }

  const dataBytes = (version) => (capacity(version) >> 3) - CORRECTION[version - 1] * BLOCKS[version - 1];

  function codewords(bytes, version) {
    const bits = [];
    const put = (value, length) => { for (let i = length - 1; i >= 0; i--) bits.push((value >>> i) & 1); };
    const size = dataBytes(version);
    put(4, 4);
    put(bytes.length, version < 10 ? 8 : 16);
    bytes.forEach((byte) => put(byte, 8));
    put(0, Math.min(4, size * 8 - bits.length));
    put(0, (8 - bits.length % 8) % 8);
    for (let pad = 0xec; bits.length < size * 8; pad ^= 0xec ^ 0x11) put(pad, 8);
    const data = [];
    for (let i = 0; i < bits.length; i += 8) data.push(parseInt(bits.slice(i, i + 8).join(""), 2));

    const blocks = BLOCKS[version - 1], extra = CORRECTION[version - 1], all = capacity(version) >> 3;
    const short = blocks - all % blocks, length = Math.floor(all / blocks) - extra, by = divisor(extra);
    const parts = [], checks = [];
    for (let i = 0, at = 0; i < blocks; i++) {
      const part = data.slice(at, at += length + (i < short ? 0 : 1));
      parts.push(part);
      checks.push(correction(part, by));
    }
    const result = [];
    for (let i = 0; i <= length; i++) parts.forEach((part) => { if (i < part.length) result.push(part[i]); });
    for (let i = 0; i < extra; i++) checks.forEach((check) => result.push(check[i]));
    return result;
  }

  function drawPatterns(set, size, version) {
    for (let i = 0; i < size; i++) {
      set(6, i, i % 2 === 0);
      set(i, 6, i % 2 === 0);
    }
    const centres = alignments(version), last = centres.length - 1;
    centres.forEach((x, i) => centres.forEach((y, j) => {
      if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) return;
      for (let dy = -2; dy <= 2; dy++)
        for (let dx = -2; dx <= 2; dx++) set(x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
    }));
    for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]])
      for (let dy = -4; dy <= 4; dy++)
        for (let dx = -4; dx <= 4; dx++) {
          const distance = Math.max(Math.abs(dx), Math.abs(dy));
          if (x + dx >= 0 && x + dx < size && y + dy >= 0 && y + dy < size)
            set(x + dx, y + dy, distance !== 2 && distance !== 4);
        }
  }

  function drawFormat(set, size, mask) {
    const data = 1 << 3 | mask; /* level L */
    let rest = data;
    for (let i = 0; i < 10; i++) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
    const bits = (data << 10 | rest) ^ 0x5412, bit = (i) => ((bits >>> i) & 1) !== 0;
    for (let i = 0; i <= 5; i++) set(8, i, bit(i));
    set(8, 7, bit(6));
    set(8, 8, bit(7));
    set(7, 8, bit(8));
    for (let i = 9; i < 15; i++) set(14 - i, 8, bit(i));
    for (let i = 0; i < 8; i++) set(size - 1 - i, 8, bit(i));
    for (let i = 8; i < 15; i++) set(8, size - 15 + i, bit(i));
    set(8, size - 8, true);
  }

  function drawVersion(set, size, version) {
    if (version < 7) return;
    let rest = version;
    for (let i = 0; i < 12; i++) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
    const bits = version << 12 | rest;
    for (let i = 0; i < 18; i++) {
      const isDark = ((bits >>> i) & 1) !== 0, a = size - 11 + i % 3, b = Math.floor(i / 3);
      set(a, b, isDark);
      set(b, a, isDark);
    }
  }

  /* How hard a mask makes it for cameras: long runs, and an imbalance of dark and light. */
  function penalty(modules, size) {
    let result = 0, dark = 0;
    for (let y = 0; y < size; y++)
      for (const at of [(i) => modules[y][i], (i) => modules[i][y]])
        for (let i = 1, run = 1; i <= size; i++) {
          if (i < size && at(i) === at(i - 1)) run++;
          else {
            if (run >= 5) result += run - 2;
            run = 1;
          }
        }
    modules.forEach((row) => row.forEach((module) => { dark += module ? 1 : 0; }));
    return result + Math.floor(Math.abs(dark * 20 - size * size * 10) / (size * size)) * 10;
  }

  function draw(version, words, mask) {
    const size = version * 4 + 17;
    const modules = Array.from({length: size}, () => new Array(size).fill(false));
    const isFixed = Array.from({length: size}, () => new Array(size).fill(false));
    const set = (x, y, isDark) => { modules[y][x] = isDark; isFixed[y][x] = true; };
    drawPatterns(set, size, version);
    drawFormat(set, size, mask);
    drawVersion(set, size, version);
    let at = 0;
    for (let right = size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      for (let i = 0; i < size; i++)
        for (const x of [right, right - 1]) {
          const y = ((right + 1) & 2) === 0 ? size - 1 - i : i;
          if (isFixed[y][x]) continue;
          const bit = at < words.length * 8 && ((words[at >> 3] >>> (7 - (at & 7))) & 1) !== 0;
          modules[y][x] = bit !== MASKS[mask](x, y);
          at++;
        }
    }
    return modules;
  }

  /* An element; null: the text is too long. */
  return (text) => {
    const bytes = new TextEncoder().encode(text);
    let version = 1;
    while (version <= 40 && (dataBytes(version) * 8 < 4 + (version < 10 ? 8 : 16) + bytes.length * 8)) version++;
    if (version > 40) return null;
    const words = codewords(bytes, version);
    const all = MASKS.map((_, mask) => draw(version, words, mask));
    const costs = all.map((modules) => penalty(modules, modules.length));
    const best = all[costs.indexOf(Math.min(...costs))];
    const edge = best.length + 8;
    const image = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    image.setAttribute("viewBox", `0 0 ${edge} ${edge}`);
    image.setAttribute("shape-rendering", "crispEdges");
    path.setAttribute("fill", "#062d56");
    path.setAttribute("d", best.map((row, y) => row.map((isDark, x) => (isDark ? `M${x + 4} ${y + 4}h1v1h-1z` : "")).join("")).join(""));
    image.append(path);
    return image;
  };
})();
