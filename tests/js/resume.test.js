import assert from "node:assert/strict";
import { test } from "node:test";
import { nextTransport, resumeUrl, withInputs } from "../../static/js/resume.js";

const PAGE = "https://boards.example.com/p/ops?city=NYC";

test("a socket goes to the same host, keeps the inputs, and carries the position", () => {
  assert.equal(
    resumeUrl("/live/ops?city=NYC", PAGE, "websocket", "a b", 41),
    "wss://boards.example.com/live/ops?city=NYC&epoch=a+b&seq=41",
  );
  assert.equal(resumeUrl("/live/ops", "http://localhost:8000/p/ops", "websocket", "e", 0), "ws://localhost:8000/live/ops?epoch=e&seq=0");
});

test("a stream of events stays HTTP", () => {
  assert.equal(resumeUrl("/events/ops", PAGE, "events", "e", 7), "https://boards.example.com/events/ops?epoch=e&seq=7");
});

test("without a position none is claimed, not even an old one", () => {
  assert.equal(resumeUrl("/live/ops?epoch=old&seq=3", PAGE, "websocket", null, null), "wss://boards.example.com/live/ops");
  assert.equal(resumeUrl("/live/ops", PAGE, "websocket", "e", null), "wss://boards.example.com/live/ops");
});

test("other inputs replace the ones in the address and leave the rest", () => {
  assert.equal(withInputs("/live/ops?city=LA&colour=Red", PAGE, { city: "Köln & Bonn" }), "/live/ops?city=K%C3%B6ln+%26+Bonn&colour=Red");
});

test("one failed upgrade may be chance; two mean the other way, and two there the way back", () => {
  assert.equal(nextTransport("websocket", 1), "websocket");
  assert.equal(nextTransport("websocket", 2), "events");
  assert.equal(nextTransport("events", 1), "events");
  assert.equal(nextTransport("events", 2), "websocket");
});
