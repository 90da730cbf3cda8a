import assert from "node:assert/strict";
import { test } from "node:test";
import { summary } from "../../static/js/announce.js";
import { ageWords, condition, connectionWords, noticeWords, OFFLINE_AFTER_MS, since, WORTH_SAYING_MS } from "../../static/js/words.js";

test("ages are told in the largest unit that is still honest", () => {
  assert.equal(ageWords(-500), "0 s old");
  assert.equal(ageWords(59_999), "59 s old");
  assert.equal(ageWords(60_000), "1 min old");
  assert.equal(ageWords(3_599_000), "59 min old");
  assert.equal(ageWords(3_600_000), "1 h old");
  assert.equal(ageWords(47 * 3_600_000), "47 h old");
  assert.equal(ageWords(50 * 3_600_000), "2 days old");
});

test("a moment has its day when it is not near, behind or ahead", () => {
  const [hour, now] = [3_600_000, Date.UTC(2026, 10, 22, 12)];
  for (const near of [-11 * hour, 0, 11 * hour]) assert.match(since(now + near, now), /^\d\d:\d\d$/);
  for (const away of [-72 * hour, 72 * hour]) {
    assert.match(since(now + away, now), /\d\d:\d\d/);
    assert.ok(since(now + away, now).length > 5, since(now + away, now));
  }
  assert.match(since(now + 8760 * hour, now), /2027/);
});

test("a panel is late just after its time, and failing outranks late", () => {
  const panel = { hasView: true, at: 1000, failing: false, staleAfter: 3000 };
  assert.equal(condition(panel, 4000), "fresh");
  assert.equal(condition(panel, 4001), "late");
  assert.equal(condition({ ...panel, failing: true }, 9000), "failing");
  assert.equal(condition({ ...panel, hasView: false, failing: true }, 9000), "waiting");
  assert.equal(condition({ ...panel, staleAfter: 0 }, 1e9), "fresh");
});

test("the bar counts down, and says offline when it has been long or the network is gone", () => {
  /** @type {import("../../static/js/types.js").Connection} */
  const lost = { kind: "reconnecting", at: 5200, since: 1000, why: null };
  assert.deepEqual(connectionWords(lost, 2000, true), { state: "reconnecting", words: "Reconnecting in 4 s" });
  assert.equal(connectionWords(lost, 6000, true).words, "Reconnecting");
  assert.match(connectionWords(lost, 2000, false).words, /^Offline since \d\d:\d\d$/);
  assert.equal(connectionWords(lost, 1000 + OFFLINE_AFTER_MS, true).state, "offline");
});

test("the end of a session says why, and offers the door only where it helps", () => {
  assert.equal(noticeWords({ kind: "live" }), null);
  assert.equal(noticeWords({ kind: "refused" })?.signIn, false);
  const words = ["signed-out", "expired", "revoked", "second-factor", ""].map((reason) => noticeWords({ kind: "signed-out", reason }));
  assert.ok(words.every((end) => end?.signIn));
  assert.equal(new Set(words.map((end) => end?.words)).size, 5);
  assert.equal(connectionWords({ kind: "signed-out", reason: "second-factor" }, 0, true).words, "One more step", "nobody is signed out");
});

test("a page that is gone is called gone, however long, and is said to come back", () => {
  /** @type {import("../../static/js/types.js").Connection} */
  const gone = { kind: "reconnecting", at: 5200, since: 1000, why: "gone" };
  assert.match(connectionWords(gone, 2000, true).words, /^Gone since \d\d:\d\d$/);
  assert.match(connectionWords(gone, 1000 + OFFLINE_AFTER_MS, true).words, /^Gone since/);
  assert.match(connectionWords(gone, 2000, false).words, /^Offline since/);
  assert.match(noticeWords(gone)?.words ?? "", /gone for now/);
  assert.equal(noticeWords(gone)?.signIn, false);
  assert.equal(noticeWords({ ...gone, why: null }), null);
});

test("a page whose viewer nobody can confirm says that it goes on by itself", () => {
  /** @type {import("../../static/js/types.js").Connection} */
  const shut = { kind: "reconnecting", at: 5200, since: 1000, why: "unconfirmed" };
  assert.match(noticeWords(shut)?.words ?? "", /directory has not answered.*goes on by itself/);
  assert.equal(noticeWords(shut)?.signIn, false);
});

test("where there is no room, that is said, and not that there is no network", () => {
  /** @type {import("../../static/js/types.js").Connection} */
  const crowded = { kind: "reconnecting", at: 65_000, since: 1000, why: "crowded" };
  for (const now of [2000, 1000 + OFFLINE_AFTER_MS]) assert.equal(connectionWords(crowded, now, true).words, "Too many watch");
  assert.match(connectionWords(crowded, 2000, false).words, /^Offline since/);
  assert.match(noticeWords(crowded)?.words ?? "", /has room for.*goes on by itself/);
});

test("a restart is said to be one when it takes long enough to be read", () => {
  /** @param {number} ms @returns {import("../../static/js/types.js").Connection} */
  const restart = (ms) => ({ kind: "reconnecting", at: 1000 + ms, since: 1000, why: "shutdown" });
  assert.equal(noticeWords(restart(WORTH_SAYING_MS - 1)), null);
  assert.match(noticeWords(restart(20_000))?.words ?? "", /being restarted.*goes on by itself/);
  assert.equal(connectionWords(restart(20_000), 2000, true).words, "Reconnecting in 19 s");
});

test("what is said aloud stays one short line", () => {
  assert.equal(summary(["CPU is high"]), "CPU is high.");
  assert.equal(summary(["a", "b", "c", "d", "e"]), "a; b; c; and 2 more.");
});
