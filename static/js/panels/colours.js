/** The theme's colours for what is drawn on a canvas, which cannot use CSS variables. Read once, and again on a change. */

/** @type {Map<string, string>} */
const known = new Map();

export const colours = {
  /** Forgets what was read. */
  read() {
    known.clear();
  },

  /**
   * @param {string} name of a token: `--line-1`
   * @returns {string} what a canvas understands
   */
  of(name) {
    const held = known.get(name);
    if (held) return held;
    // A token may be any expression; only an element that uses it knows what comes out.
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    known.set(name, colour);
    return colour;
  },

  /**
   * @param {string} name
   * @param {number} alpha
   * @returns {string}
   */
  faded(name, alpha) {
    const colour = this.of(name);
    // Computed colours come in two spellings: rgb(1, 2, 3), and oklch(0.5 0.2 260) with its alpha behind a slash.
    return colour.startsWith("rgb(") ? colour.replace("rgb(", "rgba(").replace(/\)$/, `, ${alpha})`) : colour.replace(/\)$/, ` / ${alpha})`);
  },
};
