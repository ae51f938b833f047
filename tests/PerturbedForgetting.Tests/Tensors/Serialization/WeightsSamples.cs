using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Tests.Tensors.Serialization;

/// <summary>The files of weights that PyTorch and NumPy wrote, and the values they were given.</summary>
static class WeightsSamples
{
    /// <summary>Full path of a file.</summary>
    public static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Tensors", "Serialization", "Weights", file);

    /// <summary>Value number <paramref name="index"/>, as <c>make_weights.py</c> has it.</summary>
    public static float Value(int index) => (index * 7 % 31 - 15) / 8f;

    /// <summary>So many values from <paramref name="start"/> on.</summary>
    public static float[] Values(int start, int count) => [.. Enumerable.Range(start, count).Select(Value)];

    /// <summary>The values of a tensor.</summary>
    public static float[] Floats(WeightsFile file, string name)
    {
        WeightsEntry entry = file.Entry(name);
        float[] values = new float[entry.Count];
        entry.ReadFloat32(values);
        return values;
    }
}
