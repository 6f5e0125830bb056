// It runs after the password was right, and before there are tokens.
export async function main(event) {
  console.log(`${event.userName} has signed in`);
  return event;
}
