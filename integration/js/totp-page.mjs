// What a web app does with Amplify v6 and software tokens.
import * as auth from "aws-amplify/auth";
import "./amplify-page.mjs";

// What a sign-in asks next may hold functions, which cannot leave the page.
const plain = (f) => async (...args) => JSON.parse(JSON.stringify(await f(...args)));

Object.assign(window.page, {
  signIn: plain(auth.signIn),
  confirmSignIn: plain(auth.confirmSignIn),
  // setUp gives what an authenticator app is told, as text and as a QR code has it.
  setUp: async (app, account) => {
    const details = await auth.setUpTOTP();
    return { secret: details.sharedSecret, uri: String(details.getSetupUri(app, account)) };
  },
});
