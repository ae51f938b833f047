namespace PerturbedForgetting.Tensors;

/// <summary>A device that was asked for cannot be used here; the message says why and what to do.</summary>
public sealed class DeviceException(string message) : Exception(message);
