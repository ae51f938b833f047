using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Vision.Models;

/// <summary>Blocks that run one after the other, named <c>0</c>, <c>1</c>, … in the state dictionary.</summary>
sealed class BlockList<T> : Module where T : Module, IOnnxModule
{
    public BlockList(IEnumerable<T> blocks)
    {
        foreach (var block in blocks)
            Blocks.Add(Register($"{Blocks.Count}", block));
    }

    public List<T> Blocks { get; } = [];

    protected override Tensor Forward(Tensor x)
    {
        foreach (var block in Blocks)
            x = Scope.Replace(x, block.Call(x));
        return x;
    }

    /// <summary>The blocks in a graph of ONNX.</summary>
    public string Export(OnnxGraph graph, string x) => Blocks.Aggregate(x, (y, block) => block.Export(graph, y));
}
