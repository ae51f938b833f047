namespace PerturbedForgetting.Vision.Models;

/// <summary>A model's name or option is wrong. The message names it and what would be accepted.</summary>
/// <param name="message">What was wrong and what to do.</param>
public sealed class ModelOptionException(string message) : ArgumentException(message);
