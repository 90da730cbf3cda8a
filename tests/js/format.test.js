import assert from "node:assert/strict";
import { test } from "node:test";
import { summary } from "../../static/js/announce.js";
import { connectionText, formatAge, formatExpiry, formatShortest, MIN_NOTICE_WAIT_MS, noticeText, OFFLINE_AFTER_MS, panelCondition } from "../../static/js/format.js";

test("ages are told in the largest unit that is still honest", () => {
  assert.equal(formatAge(-500), "0 s old");
  assert.equal(formatAge(59_999), "59 s old");
  assert.equal(formatAge(60_000), "1 min old");
  assert.equal(formatAge(3_599_000), "59 min old");
  assert.equal(formatAge(3_600_000), "1 h old");
  assert.equal(formatAge(47 * 3_600_000), "47 h old");
  assert.equal(formatAge(50 * 3_600_000), "2 days old");
});

test("a moment has its day when it is not near, behind or ahead", () => {
  const [hour, now] = [3_600_000, Date.UTC(2026, 10, 22, 12)];
  for (const near of [-11 * hour, 0, 11 * hour]) assert.match(formatShortest(now + near, now), /^\d\d:\d\d$/);
  for (const away of [-72 * hour, 72 * hour]) {
    assert.match(formatShortest(now + away, now), /\d\d:\d\d/);
    assert.ok(formatShortest(now + away, now).length > 5, formatShortest(now + away, now));
  }
  assert.match(formatShortest(now + 8760 * hour, now), /2027/);
});

test("the end of something has its year, however near it is", () => {
  for (const at of [Date.UTC(2027, 1, 13, 8), Date.UTC(2026, 11, 31, 12)]) {
    assert.match(formatExpiry(at), at > Date.UTC(2027, 0) ? /2027/ : /2026/);
    assert.match(formatExpiry(at), /\d\d:\d\d/);
  }
});

test("a panel is late just after its time, and failing outranks late", () => {
  const panel = { hasView: true, at: 1000, failing: false, staleAfter: 3000 };
  assert.equal(panelCondition(panel, 4000), "fresh");
  assert.equal(panelCondition(panel, 4001), "late");
  assert.equal(panelCondition({ ...panel, failing: true }, 9000), "failing");
  assert.equal(panelCondition({ ...panel, hasView: false, failing: true }, 9000), "waiting");
  assert.equal(panelCondition({ ...panel, staleAfter: 0 }, 1e9), "fresh");
});

test("the bar counts down, and says offline when it has been long or the network is gone", () => {
  /** @type {import("../../static/js/types.js").ConnectionState} */
  const lost = { kind: "reconnecting", at: 5200, since: 1000, reason: null };
  assert.deepEqual(connectionText(lost, 2000, true), { state: "reconnecting", text: "Reconnecting in 4 s" });
  assert.equal(connectionText(lost, 6000, true).text, "Reconnecting");
  assert.match(connectionText(lost, 2000, false).text, /^Offline since \d\d:\d\d$/);
  assert.equal(connectionText(lost, 1000 + OFFLINE_AFTER_MS, true).state, "offline");
});

test("the end of a session says why, and offers the door only where it helps", () => {
  assert.equal(noticeText({ kind: "live" }), null);
  assert.equal(noticeText({ kind: "refused" })?.signIn, false);
  const words = ["signed-out", "expired", "revoked", "second-factor", ""].map((reason) => noticeText({ kind: "signed-out", reason }));
  assert.ok(words.every((end) => end?.signIn));
  assert.equal(new Set(words.map((end) => end?.text)).size, 5);
  assert.equal(connectionText({ kind: "signed-out", reason: "second-factor" }, 0, true).text, "One more step", "nobody is signed out");
});

test("a page that is gone is called gone, however long, and is said to come back", () => {
  /** @type {import("../../static/js/types.js").ConnectionState} */
  const gone = { kind: "reconnecting", at: 5200, since: 1000, reason: "gone" };
  assert.match(connectionText(gone, 2000, true).text, /^Gone since \d\d:\d\d$/);
  assert.match(connectionText(gone, 1000 + OFFLINE_AFTER_MS, true).text, /^Gone since/);
  assert.match(connectionText(gone, 2000, false).text, /^Offline since/);
  assert.match(noticeText(gone)?.text ?? "", /gone for now/);
  assert.equal(noticeText(gone)?.signIn, false);
  assert.equal(noticeText({ ...gone, reason: null }), null);
});

test("a page whose viewer nobody can confirm says that it goes on by itself", () => {
  /** @type {import("../../static/js/types.js").ConnectionState} */
  const shut = { kind: "reconnecting", at: 5200, since: 1000, reason: "unconfirmed" };
  assert.match(noticeText(shut)?.text ?? "", /has not answered.*goes on by itself/);
  assert.equal(noticeText(shut)?.signIn, false);
});

test("where there is no room, that is said, and not that there is no network", () => {
  /** @type {import("../../static/js/types.js").ConnectionState} */
  const crowded = { kind: "reconnecting", at: 65_000, since: 1000, reason: "crowded" };
  for (const now of [2000, 1000 + OFFLINE_AFTER_MS]) assert.equal(connectionText(crowded, now, true).text, "Too many watch");
  assert.match(connectionText(crowded, 2000, false).text, /^Offline since/);
  assert.match(noticeText(crowded)?.text ?? "", /has room for.*goes on by itself/);
});

test("a restart is said to be one when it takes long enough to be read", () => {
  /** @param {number} ms @returns {import("../../static/js/types.js").ConnectionState} */
  const restart = (ms) => ({ kind: "reconnecting", at: 1000 + ms, since: 1000, reason: "shutdown" });
  assert.equal(noticeText(restart(MIN_NOTICE_WAIT_MS - 1)), null);
  assert.match(noticeText(restart(20_000))?.text ?? "", /being restarted.*goes on by itself/);
  assert.equal(connectionText(restart(20_000), 2000, true).text, "Reconnecting in 19 s");
});

test("what is said aloud stays one short line", () => {
  assert.equal(summary(["CPU is high"]), "CPU is high.");
  assert.equal(summary(["a", "b", "c", "d", "e"]), "a; b; c; and 2 more.");
});
