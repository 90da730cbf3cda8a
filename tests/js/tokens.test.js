/** The colours keep their contrast, whatever hue an admin sets, as far as text on its grounds is concerned. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const sheet = readFileSync(new URL("../../static/css/tokens.css", import.meta.url), "utf8");
const body = /** @type {string} */ (/\/\* The colours:.*\n:root \{\n([\s\S]*?)\n\}/.exec(sheet)?.[1]);
const WRITTEN = /(--[\w-]+): var\(--light, (.*)\) var\(--dark, (.*)\);/g;
const declarations = (/** @type {number} */ theme) => Array.from(body.matchAll(WRITTEN), (written) => `${written[1]}: ${written[theme]};`).join("\n");
const THEMES = { light: declarations(2), dark: declarations(3) };

/** @param {string} text the declarations @param {{ hue: number, accent: number, saturation: number }} theme */
function colours(text, { hue, accent, saturation }) {
  /** @type {Record<string, number>} */
  const found = {};
  const tint = Math.min(saturation, 24);
  for (const [, name, h, s, l] of text.matchAll(/--([\w-]+): hsl\((var\(--[\w-]+\)|[\d.]+) (calc\(var\(--tint\) \* [\d.]+\)|var\(--tint\)|[\d.]+%) ([\d.]+)%\)/g)) {
    const turned = h === "var(--hue)" ? hue : h === "var(--accent-hue)" ? accent : Number(h);
    const factor = /\* ([\d.]+)/.exec(s ?? "");
    const full = factor ? tint * Number(factor[1]) : s?.startsWith("var") ? tint : parseFloat(s ?? "0");
    found[name ?? ""] = luminance(turned, full / 100, Number(l) / 100);
  }
  return found;
}

/** Relative luminance (WCAG 2.2) of an HSL colour. @param {number} h @param {number} s @param {number} l */
function luminance(h, s, l) {
  const channel = (/** @type {number} */ n) => {
    const k = (n + h / 30) % 12;
    const value = l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(0) + 0.7152 * channel(8) + 0.0722 * channel(4);
}

/** @param {number} a @param {number} b */
const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

/** @param {Record<string, number>} found @param {string[]} texts @param {string[]} grounds @param {number} least @param {string} where */
function holds(found, texts, grounds, least, where) {
  for (const text of texts) {
    for (const ground of grounds) {
      const [a, b] = [found[text], found[ground]];
      assert.ok(a !== undefined && b !== undefined, `${where}: --${text} or --${ground} is not a colour`);
      assert.ok(contrast(a, b) >= least, `${where}: --${text} on --${ground} has only ${contrast(a, b).toFixed(2)}`);
    }
  }
}

const GROUNDS = ["ground", "panel", "sunk"];
const theme = { hue: 215, accent: 217, saturation: 14 };

for (const name of /** @type {("light" | "dark")[]} */ (["light", "dark"])) {
  test(`${name}: all text keeps 4.5:1, and what is drawn 3:1`, () => {
    const found = colours(THEMES[name], theme);
    holds(found, ["ink", "soft", "faint", "accent", "good", "warn", "bad", "unknown"], GROUNDS, 4.5, name);
    for (const state of ["good", "warn", "bad", "unknown"]) holds(found, [state, "ink"], [`${state}-wash`], 4.5, name);
    holds(found, ["ink"], ["accent-wash"], 4.5, name);
    holds(found, ["on-accent"], ["accent"], 4.5, name);
    const lines = Array.from({ length: 8 }, (_, index) => `line-${index + 1}`);
    holds(found, ["good-fill", "warn-fill", "bad-fill", "unknown-fill", "edge", ...lines], ["panel"], 3, name);
  });

  test(`${name}: no ground's hue, and no saturation, takes the contrast away`, () => {
    for (let hue = 0; hue < 360; hue += 5) {
      for (const saturation of [0, 14, 100]) {
        const found = colours(THEMES[name], { ...theme, hue, saturation });
        holds(found, ["ink", "soft", "faint", "good", "warn", "bad", "unknown"], GROUNDS, 4.5, `${name}, hue ${hue}, ${saturation} %`);
      }
    }
  });
}

test("every colour is written for both themes", () => {
  const names = [...body.matchAll(/^ {2}(--[\w-]+):/gm)];
  assert.equal([...body.matchAll(WRITTEN)].length, names.length);
  assert.ok(names.length > 30);
});
