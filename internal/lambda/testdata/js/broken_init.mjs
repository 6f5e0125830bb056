throw new RangeError("not today");
export const handler = async () => {};
