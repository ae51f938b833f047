namespace PerturbedForgetting.Tensors.Random;

/// <summary>
/// The random numbers of one call: those of a <see cref="Philox"/> generator whose stream number is <paramref name="Stream"/>, plus a
/// number that lies on the device. A captured graph repeats its launch arguments; the counter on the device is what lets it draw anew.
/// </summary>
/// <param name="Seed">The 64-bit key.</param>
/// <param name="Stream">See <see cref="Streams"/>.</param>
/// <param name="Counter">int64[1] on the device of the call; none for 0.</param>
public readonly record struct RandomCall(ulong Seed, ulong Stream, Tensor? Counter = null);
