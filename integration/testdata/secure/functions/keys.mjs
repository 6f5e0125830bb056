// The tenant's keys, as a function that verifies tokens itself would ask for them.
export const handler = async () => {
  const { keys } = await (await fetch(`${process.env.ISSUER}.well-known/jwks.json`)).json();
  return keys[0].kty;
};
