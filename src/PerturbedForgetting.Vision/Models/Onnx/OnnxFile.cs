using System.Globalization;
using Google.Protobuf;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Serialization;

namespace PerturbedForgetting.Vision.Models.Onnx;

/// <summary>
/// Writes a model as an ONNX file that other runtimes execute: evaluation mode, weights inside, any number of images at once.
/// Input <c>input</c>, float32 [batch, 3, height, width], normalised RGB; output <c>logits</c>, float32 [batch, classes]. Operators are
/// those of opset 13 (ONNX 1.8, 2020), which all runtimes in use have.
/// </summary>
public static class OnnxFile
{
    /// <summary>Version of the operators.</summary>
    public const int Opset = 13;

    /// <summary>Version of the format that came with them.</summary>
    const int IrVersion = 7;

    const string Input = "input", Output = "logits", Batch = "batch";

    /// <summary>Writes the file atomically.</summary>
    /// <param name="model">The model; its dropout is left out.</param>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="metadata">What the file says about itself, by key.</param>
    /// <exception cref="WeightsException">The model is larger than a file of this format may be, 2 GiB.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(ImageModel model, string path, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var graph = new OnnxGraph(model);
        graph.Output(model.Export(graph, Input), Output);
        Write(path, Describe(model, metadata), Graph(model, graph), graph.Initializers);
    }

    /// <summary>Writes a file of its parts.</summary>
    /// <param name="path">The file.</param>
    /// <param name="description">All of the message but the graph.</param>
    /// <param name="rest">All of the graph but the constants.</param>
    /// <param name="constants">The constants.</param>
    internal static void Write(string path, ProtoMessage description, ProtoMessage rest, IEnumerable<OnnxInitializer> constants)
    {
        var initializers = constants.Select(i => (Initializer: i, Head: HeadOf(i, path))).ToArray();
        long length = rest.Bytes.Length + initializers.Sum(i => FieldLength(ValueLength(i)));
        if (description.Bytes.Length + FieldLength(length) > int.MaxValue)
            throw TooLarge(path);
        AtomicFile.Write(path, file =>
        {
            // Not disposed: the file is the caller's.
            var stream = new BufferedStream(file, 1 << 16);
            stream.Write(description.Bytes.Span);
            stream.Write(new ProtoMessage().Begin(7, (int)length).Bytes.Span);
            stream.Write(rest.Bytes.Span);
            foreach (var item in initializers)
            {
                stream.Write(new ProtoMessage().Begin(5, (int)ValueLength(item)).Bytes.Span);
                stream.Write(item.Head.Bytes.Span);
                item.Initializer.Write(stream);
            }
            stream.Flush();
        });
    }

    static long ValueLength((OnnxInitializer Initializer, ProtoMessage Head) item) => item.Head.Bytes.Length + item.Initializer.ByteLength;

    /// <summary>With tag and length.</summary>
    static long FieldLength(long value) => 1 + CodedOutputStream.ComputeUInt64Size((ulong)value) + value;

    static ProtoMessage HeadOf(OnnxInitializer initializer, string path) =>
        initializer.ByteLength < int.MaxValue ? initializer.Head() : throw TooLarge(path);

    static WeightsException TooLarge(string path) => new(path,
        "the model is larger than 2 GiB, which an ONNX file with its weights inside may not be; use .safetensors.");

    static ProtoMessage Describe(ImageModel model, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var message = new ProtoMessage().Add(1, IrVersion).Add(2, "PerturbedForgetting")
            .Add(3, typeof(OnnxFile).Assembly.GetName().Version!.ToString(3))
            .Add(6, string.Create(CultureInfo.InvariantCulture, $"{Input}: float32 [{Batch}, 3, {model.ImageHeight}, {model.ImageWidth}], ")
                + $"RGB, (value in 0..1 - mean) / std with mean and std of the metadata; {Output}: before the softmax.")
            .Add(8, new ProtoMessage().Add(1, "").Add(2, Opset));
        foreach (var (key, value) in metadata)
            message.Add(14, new ProtoMessage().Add(1, key).Add(2, value));
        return message;
    }

    static ProtoMessage Graph(ImageModel model, OnnxGraph graph)
    {
        var message = new ProtoMessage().Add(2, model.GetType().Name);
        foreach (var node in graph.Nodes)
            message.Add(1, node);
        var output = model.OutputShape.ToArray().Select(d => (long)d);
        return message.Add(11, Value(Input, [3, model.ImageHeight, model.ImageWidth])).Add(12, Value(Output, output));
    }

    /// <summary>A float32 value whose first extent is the number of images.</summary>
    static ProtoMessage Value(string name, IEnumerable<long> image)
    {
        var shape = new ProtoMessage().Add(1, new ProtoMessage().Add(2, Batch));
        foreach (long extent in image)
            shape.Add(1, new ProtoMessage().Add(1, extent));
        return new ProtoMessage().Add(1, name).Add(2, new ProtoMessage().Add(1, new ProtoMessage().Add(1, 1L).Add(2, shape)));
    }
}
