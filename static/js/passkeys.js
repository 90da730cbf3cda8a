/**
 * Passkeys: asks the server what to ask, the browser for a passkey, and sends its answer as an ordinary form. It judges nothing; the
 * server does.
 */

/** @typedef {Record<string, any>} Json as JSON.parse makes it, known by its shape alone */

/** @param {string} text base64url, as WebAuthn's JSON has it @returns {Uint8Array<ArrayBuffer>} */
export function bytesOf(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer @returns {string} base64url without padding */
export function textOf(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The options for a new passkey, with bytes in place of texts. @param {Json} options @returns {PublicKeyCredentialCreationOptions} */
export function creationOf(options) {
  const { rp, pubKeyCredParams } = options;
  const user = { ...options.user, id: bytesOf(options.user.id) };
  const excludeCredentials = withBytes(options.excludeCredentials);
  return { ...options, rp, pubKeyCredParams, user, excludeCredentials, challenge: bytesOf(options.challenge) };
}

/** The same for one that is there. @param {Json} options @returns {PublicKeyCredentialRequestOptions} */
export function requestOf(options) {
  return { ...options, challenge: bytesOf(options.challenge), allowCredentials: withBytes(options.allowCredentials) };
}

/** @param {Json[] | undefined} descriptors @returns {PublicKeyCredentialDescriptor[]} */
const withBytes = (descriptors) => (descriptors ?? []).map(({ type, id, transports }) => ({ type, transports, id: bytesOf(id) }));

/**
 * What the authenticator answered, as WebAuthn's JSON has it. Browsers can write it by themselves, but not all that make passkeys.
 *
 * @param {PublicKeyCredential} credential
 * @returns {Json}
 */
export function answerOf(credential) {
  const id = textOf(credential.rawId);
  const { response } = credential;
  return {
    id,
    rawId: id,
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    // No extension is asked for that answers here.
    clientExtensionResults: {},
    response: "attestationObject" in response ? made(/** @type {AuthenticatorAttestationResponse} */ (response)) : shown(/** @type {AuthenticatorAssertionResponse} */ (response)),
  };
}

/** @param {AuthenticatorAttestationResponse} response */
const made = (response) => ({
  clientDataJSON: textOf(response.clientDataJSON),
  attestationObject: textOf(response.attestationObject),
  transports: response.getTransports?.() ?? [],
});

/** @param {AuthenticatorAssertionResponse} response */
const shown = (response) => ({
  clientDataJSON: textOf(response.clientDataJSON),
  authenticatorData: textOf(response.authenticatorData),
  signature: textOf(response.signature),
  userHandle: response.userHandle ? textOf(response.userHandle) : undefined,
});

/**
 * Why it did not work, for the person before the screen.
 *
 * @param {unknown} fault
 * @returns {string}
 */
export function troubleWords(fault) {
  const name = fault instanceof Error || fault instanceof DOMException ? fault.name : "";
  switch (name) {
    case "NotAllowedError":
      return "Nothing was shown, or it took too long. Try again.";
    case "InvalidStateError":
      return "This device has a passkey for this account already.";
    case "SecurityError":
      return "Passkeys do not work at this address. Open the site by its public address.";
    default:
      return fault instanceof Refused ? fault.message : "That did not work. Try again, or use another way to sign in.";
  }
}

/** The server did not say what to ask. */
export class Refused extends Error {}

/** @param {HTMLFormElement} form with `data-passkey` (`get` or `create`) and `data-options`; shown where there are passkeys */
export function watchPasskey(form) {
  if (!("PublicKeyCredential" in window)) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    const trouble = /** @type {HTMLElement} */ (form.querySelector(".trouble"));
    button.disabled = true;
    trouble.hidden = true;
    ask(form)
      // Past this listener, straight to the server.
      .then(() => form.submit())
      .catch((fault) => {
        trouble.textContent = troubleWords(fault);
        trouble.hidden = false;
        button.disabled = false;
      });
  });
}

/** Fills in what the authenticator answers. @param {HTMLFormElement} form */
async function ask(form) {
  const csrf = field(form, "csrf").value;
  const response = await fetch(form.dataset.options ?? "", {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({ csrf }),
  });
  if (!response.ok) throw new Refused("This page is out of date. Load it again.");
  const { options, sealed } = await response.json();
  const credential =
    form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: creationOf(options) })
      : await navigator.credentials.get({ publicKey: requestOf(options) });
  if (!credential) throw new Refused("Nothing was shown. Try again.");
  field(form, "credential").value = JSON.stringify(answerOf(/** @type {PublicKeyCredential} */ (credential)));
  field(form, "sealed").value = sealed;
}

/** @param {HTMLFormElement} form @param {string} name @returns {HTMLInputElement} */
function field(form, name) {
  const found = form.elements.namedItem(name);
  if (!(found instanceof HTMLInputElement)) throw new Error(`The form has no field ${name}; its template and its script do not belong together.`);
  return found;
}
