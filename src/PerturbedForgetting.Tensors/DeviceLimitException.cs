namespace PerturbedForgetting.Tensors;

/// <summary>A tensor is larger than the kernels of a device can take: the message says what the limit is. It is found before anything is
/// launched, so that the device goes on working.</summary>
public sealed class DeviceLimitException(string message) : ArgumentException(message);
