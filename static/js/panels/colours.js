/** The theme's colours for drawing on a canvas, which cannot use CSS variables. Read once, and again on a change. */

/** @type {Map<string, string>} */
const cache = new Map();

export const colours = {
  /** Clears the cache, when the theme has changed. */
  clearCache() {
    cache.clear();
  },

  /**
   * @param {string} name of a token: `--line-1`
   * @returns {string} what a canvas understands
   */
  get(name) {
    const cached = cache.get(name);
    if (cached) return cached;
    // A token may be any expression; only an element that uses it knows what comes out.
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    cache.set(name, colour);
    return colour;
  },

  /**
   * @param {string} name
   * @param {number} alpha
   * @returns {string}
   */
  withAlpha(name, alpha) {
    const colour = this.get(name);
    // Computed colours come in two spellings: rgb(1, 2, 3), and oklch(0.5 0.2 260) with its alpha behind a slash.
    return colour.startsWith("rgb(") ? colour.replace("rgb(", "rgba(").replace(/\)$/, `, ${alpha})`) : colour.replace(/\)$/, ` / ${alpha})`);
  },
};
