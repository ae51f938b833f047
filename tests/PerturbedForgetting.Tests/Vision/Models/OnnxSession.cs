using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>An ONNX file in Microsoft's runtime. Only here are the runtime's types, so that tests are found also where it is not.</summary>
sealed class OnnxSession(string path) : IDisposable
{
    readonly InferenceSession session = new(path);

    /// <summary>Name and shape of the one input.</summary>
    public string Input => Describe(session.InputMetadata);

    /// <summary>Name and shape of the one output.</summary>
    public string Output => Describe(session.OutputMetadata);

    public string Producer => session.ModelMetadata.ProducerName;

    public IReadOnlyDictionary<string, string> Metadata => session.ModelMetadata.CustomMetadataMap;

    public float[] Logits(float[] images, int[] shape)
    {
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("input", new DenseTensor<float>(images, shape))]);
        return [.. results.Single().AsEnumerable<float>()];
    }

    public void Dispose() => session.Dispose();

    static string Describe(IReadOnlyDictionary<string, NodeMetadata> values)
    {
        var (name, value) = values.Single();
        return $"{name} [{string.Join(", ", value.Dimensions.Zip(value.SymbolicDimensions, (d, s) => d < 0 ? s : $"{d}"))}]";
    }
}
