/** Helpers for the document. Nodes are made once and then changed, never made anew per update. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string} [className]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(name, className = "", ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, string>} attributes
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Sets a text, if it is another one. @param {Node} node @param {string} value */
export function setText(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** Sets an attribute, if it is another one; `null` takes it away. @param {Element} node @param {string} name @param {string | null} value */
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** @param {HTMLElement} node @param {boolean} shown */
export function setVisible(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

/**
 * Gives `parent` one child for each item: the ones that are there are used again, missing ones made, spare ones removed.
 *
 * @template T
 * @template {Element} E
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {() => E} make
 * @param {(child: E, item: T, index: number) => void} update
 */
export function syncChildren(parent, items, make, update) {
  while (parent.childElementCount > items.length) parent.lastElementChild?.remove();
  items.forEach((item, index) => {
    let child = /** @type {E | undefined} */ (parent.children[index]);
    if (!child) {
      child = make();
      parent.append(child);
    }
    update(child, item, index);
  });
}

/**
 * @template {{ root: Element }} P
 * @param {() => P} build makes a panel's nodes
 * @returns {(body: Element) => P} the nodes of this body, made at the first call and after something else stood there
 */
export function cachedParts(build) {
  /** @type {WeakMap<Element, P>} */
  const cache = new WeakMap();
  return (body) => {
    const parts = cache.get(body);
    if (parts && parts.root.parentNode === body) return parts;
    const built = build();
    body.replaceChildren(built.root);
    cache.set(body, built);
    return built;
  };
}

/** Shows that an answer is empty. @param {Element} body @param {string} what */
export function paintEmpty(body, what) {
  const message = `Nothing to show. ${what}`;
  if (body.firstElementChild?.className === "empty" && body.firstElementChild.textContent === message) return;
  body.replaceChildren(h("p", "empty", message));
}

/** @returns {HTMLSpanElement} a mark for a state, empty until painted */
export const createMark = () => h("span", "mark");

/** @param {HTMLElement} node @param {import("./types.js").Mark | undefined} stateMark */
export function paintMark(node, stateMark) {
  setVisible(node, stateMark !== undefined);
  if (!stateMark) return;
  setAttribute(node, "data-state", stateMark.state);
  setText(node, stateMark.word);
}

/** A mark, unless all is well: that is silent. @param {import("./types.js").Mark | undefined} stateMark @returns {import("./types.js").Mark | undefined} */
export const unlessGood = (stateMark) => (stateMark?.state === "good" ? undefined : stateMark);

/** @param {import("./types.js").Figure} figure @returns {string} `86.4 %` */
export const figureText = (figure) => (figure.unit ? `${figure.text} ${figure.unit}` : figure.text);

/** The large figure of a stat and of a gauge. Its class `n-…` is its length, by which the stylesheet sizes it. */
export function createFigure() {
  const digits = h("span", "digits");
  const brief = h("span", "short");
  brief.setAttribute("aria-hidden", "true");
  const unit = h("span", "unit");
  const whole = h("span", "figure", digits, brief, unit);
  return {
    root: h("p", "reading", whole),
    /** @param {import("./types.js").Figure} figure @param {string} [short] @param {boolean} [words] whether it is a text */
    paint(figure, short = "", words = false) {
      setAttribute(whole, "class", `figure${words ? " words" : ""} n-${[...figure.text].length}${short ? ` s-${[...short].length}` : ""}`);
      setAttribute(whole, "title", short ? figureText(figure) : null);
      setText(digits, figure.text);
      setText(brief, short);
      setVisible(brief, short !== "");
      setText(unit, figure.unit);
      setVisible(unit, figure.unit !== "");
    },
  };
}
