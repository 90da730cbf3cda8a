/** What goes between the server's JSON and the browser's bytes, and what is said when it does not work. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { creationOptions, credentialToJson, errorMessage, fromBase64url, PasskeyError, requestOptions, toBase64url } from "../../static/js/passkeys.js";

test("bytes survive the text and back, without padding and in the alphabet of addresses", () => {
  for (const bytes of [[], [0], [255, 254], [251, 239, 190], [1, 2, 3, 4]]) {
    const text = toBase64url(Uint8Array.from(bytes).buffer);
    assert.match(text, /^[\w-]*$/);
    assert.deepEqual([...fromBase64url(text)], bytes);
  }
  assert.equal(toBase64url(Uint8Array.from([251, 239, 190]).buffer), "--++".replaceAll("+", "-"));
});

test("the options keep what they say, with bytes where the browser wants them", () => {
  const options = { challenge: "AQI", rp: { id: "localhost", name: "x" }, user: { id: "Aw", name: "alice", displayName: "" }, pubKeyCredParams: [], excludeCredentials: [{ type: "public-key", id: "BA", transports: ["usb"] }], timeout: 7 };
  const creation = creationOptions(options);
  assert.deepEqual([...new Uint8Array(/** @type {ArrayBuffer} */ (/** @type {Uint8Array} */ (creation.challenge).buffer))], [1, 2]);
  assert.deepEqual([...(/** @type {Uint8Array} */ (creation.user.id))], [3]);
  assert.deepEqual([...(/** @type {Uint8Array} */ (creation.excludeCredentials?.[0]?.id))], [4]);
  assert.equal(creation.timeout, 7);
  const request = requestOptions({ challenge: "AQI", allowCredentials: [], userVerification: "required" });
  assert.equal(request.userVerification, "required");
});

test("the answer is written as the standard has it", () => {
  const buffer = (/** @type {number} */ byte) => Uint8Array.from([byte]).buffer;
  const shown = { rawId: buffer(1), type: "public-key", authenticatorAttachment: null, response: { clientDataJSON: buffer(2), authenticatorData: buffer(3), signature: buffer(4), userHandle: buffer(5) } };
  assert.deepEqual(JSON.parse(JSON.stringify(credentialToJson(/** @type {any} */ (shown)))), {
    id: "AQ", rawId: "AQ", type: "public-key", clientExtensionResults: {},
    response: { clientDataJSON: "Ag", authenticatorData: "Aw", signature: "BA", userHandle: "BQ" },
  });
  const made = { rawId: buffer(1), type: "public-key", authenticatorAttachment: "platform", response: { clientDataJSON: buffer(2), attestationObject: buffer(3) } };
  assert.deepEqual(credentialToJson(/** @type {any} */ (made)).response, { clientDataJSON: "Ag", attestationObject: "Aw", transports: [] });
});

test("what went wrong is said in words that help", () => {
  const words = ["NotAllowedError", "InvalidStateError", "SecurityError", "AbortError"].map((name) => errorMessage(new DOMException("", name)));
  assert.equal(new Set(words).size, 4);
  assert.equal(errorMessage(new PasskeyError("This page is out of date.")), "This page is out of date.");
});
