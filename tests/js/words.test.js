import assert from "node:assert/strict";
import { test } from "node:test";
import { summary } from "../../static/js/announce.js";
import { ageWords, condition, connectionWords, noticeWords, OFFLINE_AFTER_MS, since } from "../../static/js/words.js";

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
  const lost = { kind: "reconnecting", at: 5200, since: 1000, gone: false };
  assert.deepEqual(connectionWords(lost, 2000, true), { state: "reconnecting", words: "Reconnecting in 4 s" });
  assert.equal(connectionWords(lost, 6000, true).words, "Reconnecting");
  assert.match(connectionWords(lost, 2000, false).words, /^Offline since \d\d:\d\d$/);
  assert.equal(connectionWords(lost, 1000 + OFFLINE_AFTER_MS, true).state, "offline");
});

test("the end of a session says why, and offers the door only where it helps", () => {
  assert.equal(noticeWords({ kind: "live" }), null);
  assert.equal(noticeWords({ kind: "refused" })?.signIn, false);
  const words = ["signed-out", "expired", "revoked", ""].map((reason) => noticeWords({ kind: "signed-out", reason }));
  assert.ok(words.every((end) => end?.signIn));
  assert.equal(new Set(words.map((end) => end?.words)).size, 4);
});

test("a page that is gone is called gone, however long, and is said to come back", () => {
  /** @type {import("../../static/js/types.js").Connection} */
  const gone = { kind: "reconnecting", at: 5200, since: 1000, gone: true };
  assert.match(connectionWords(gone, 2000, true).words, /^Gone since \d\d:\d\d$/);
  assert.match(connectionWords(gone, 1000 + OFFLINE_AFTER_MS, true).words, /^Gone since/);
  assert.match(connectionWords(gone, 2000, false).words, /^Offline since/);
  assert.match(noticeWords(gone)?.words ?? "", /gone for now/);
  assert.equal(noticeWords(gone)?.signIn, false);
  assert.equal(noticeWords({ ...gone, gone: false }), null);
});

test("a page whose viewer nobody can confirm says that it goes on by itself", () => {
  /** @type {import("../../static/js/types.js").Connection} */
  const shut = { kind: "reconnecting", at: 5200, since: 1000, gone: false, unconfirmed: true };
  assert.match(noticeWords(shut)?.words ?? "", /directory has not answered.*goes on by itself/);
  assert.equal(noticeWords(shut)?.signIn, false);
});

test("what is said aloud stays one short line", () => {
  assert.equal(summary(["CPU is high"]), "CPU is high.");
  assert.equal(summary(["a", "b", "c", "d", "e"]), "a; b; c; and 2 more.");
});
