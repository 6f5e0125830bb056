// It runs before the password is looked at, and would refuse by throwing.
export async function main(event) {
  console.log(`${event.userName} is signing in`);
  return event;
}
