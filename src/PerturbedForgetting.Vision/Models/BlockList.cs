using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Vision.Models;

/// <summary>Blocks that run one after the other, named <c>0</c>, <c>1</c>, … in the state dictionary.</summary>
sealed class BlockList<T> : Module where T : Module
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
}
