/**
 * Passkeys: asks the server what to ask, the browser for a passkey, and sends its answer as an ordinary form. It judges nothing; the
 * server does.
 */

/** @typedef {Record<string, any>} Json as JSON.parse makes it, known by its shape alone */

/** @param {string} text base64url, as WebAuthn's JSON has it @returns {Uint8Array<ArrayBuffer>} */
export function fromBase64url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer @returns {string} base64url without padding */
export function toBase64url(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The options for a new passkey, with bytes in place of texts. @param {Json} options @returns {PublicKeyCredentialCreationOptions} */
export function creationOptions(options) {
  const { rp, pubKeyCredParams } = options;
  const user = { ...options.user, id: fromBase64url(options.user.id) };
  const excludeCredentials = decodeDescriptors(options.excludeCredentials);
  return { ...options, rp, pubKeyCredParams, user, excludeCredentials, challenge: fromBase64url(options.challenge) };
}

/** The options for a passkey that is there, with bytes in place of texts. @param {Json} options @returns {PublicKeyCredentialRequestOptions} */
export function requestOptions(options) {
  return { ...options, challenge: fromBase64url(options.challenge), allowCredentials: decodeDescriptors(options.allowCredentials) };
}

/** @param {Json[] | undefined} descriptors @returns {PublicKeyCredentialDescriptor[]} */
const decodeDescriptors = (descriptors) => (descriptors ?? []).map(({ type, id, transports }) => ({ type, transports, id: fromBase64url(id) }));

/**
 * The authenticator's answer, as WebAuthn's JSON has it. Browsers can write it by themselves, but not all that make passkeys.
 *
 * @param {PublicKeyCredential} credential
 * @returns {Json}
 */
export function credentialToJson(credential) {
  const id = toBase64url(credential.rawId);
  const { response } = credential;
  return {
    id,
    rawId: id,
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    // No extension is asked for that answers here.
    clientExtensionResults: {},
    response: "attestationObject" in response ? attestationToJson(/** @type {AuthenticatorAttestationResponse} */ (response)) : assertionToJson(/** @type {AuthenticatorAssertionResponse} */ (response)),
  };
}

/** @param {AuthenticatorAttestationResponse} response */
const attestationToJson = (response) => ({
  clientDataJSON: toBase64url(response.clientDataJSON),
  attestationObject: toBase64url(response.attestationObject),
  transports: response.getTransports?.() ?? [],
});

/** @param {AuthenticatorAssertionResponse} response */
const assertionToJson = (response) => ({
  clientDataJSON: toBase64url(response.clientDataJSON),
  authenticatorData: toBase64url(response.authenticatorData),
  signature: toBase64url(response.signature),
  userHandle: response.userHandle ? toBase64url(response.userHandle) : undefined,
});

/**
 * The message about why it did not work, for the person before the screen.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function errorMessage(error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  switch (name) {
    case "NotAllowedError":
      return "Nothing was shown, or it took too long. Try again.";
    case "InvalidStateError":
      return "This device has a passkey for this account already.";
    case "SecurityError":
      return "Passkeys do not work at this address. Open the site by its public address.";
    default:
      return error instanceof PasskeyError ? error.message : "That did not work. Try again, or use another way to sign in.";
  }
}

/** A failure with its message for the person before the screen. */
export class PasskeyError extends Error {}

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
    fillCredential(form)
      // Past this listener, straight to the server.
      .then(() => form.submit())
      .catch((fault) => {
        trouble.textContent = errorMessage(fault);
        trouble.hidden = false;
        button.disabled = false;
      });
  });
}

/** Fills the form with the authenticator's answer. @param {HTMLFormElement} form */
async function fillCredential(form) {
  const csrf = inputField(form, "csrf").value;
  const response = await fetch(form.dataset.options ?? "", {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({ csrf }),
  });
  if (!response.ok) throw new PasskeyError("This page is out of date. Load it again.");
  const { options, sealed } = await response.json();
  const credential =
    form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: creationOptions(options) })
      : await navigator.credentials.get({ publicKey: requestOptions(options) });
  if (!credential) throw new PasskeyError("Nothing was shown. Try again.");
  inputField(form, "credential").value = JSON.stringify(credentialToJson(/** @type {PublicKeyCredential} */ (credential)));
  inputField(form, "sealed").value = sealed;
}

/** @param {HTMLFormElement} form @param {string} name @returns {HTMLInputElement} */
function inputField(form, name) {
  const found = form.elements.namedItem(name);
  if (!(found instanceof HTMLInputElement)) throw new Error(`The form has no field ${name}; its template and its script do not belong together.`);
  return found;
}
