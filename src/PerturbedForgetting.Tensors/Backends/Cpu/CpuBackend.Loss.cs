using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>A loss of one sample: writes its gradient if that is not null, and returns its value.</summary>
unsafe interface IRowLoss<T> where T : unmanaged
{
    double Run(long sample, T* logits, T* gradient, int classes);
}

/// <summary>The losses of a range of samples.</summary>
unsafe interface ILossBody : IRowBody
{
    /// <summary>Where the loss of each sample goes.</summary>
    double* Values { set; }
}

unsafe sealed partial class CpuBackend<T>
{
    public override long FirstOutOfRange(Tensor labels, int classes)
    {
        int* label = labels.Pointer<int>();
        for (long i = 0; i < labels.Count; i++)
            if ((uint)label[i] >= (uint)classes)
                return i;
        return -1;
    }

    /// <summary>loss = factor * the sum of the samples' losses, which are made row by row.</summary>
    static void Reduce<TLoss>(Tensor logits, double factor, Tensor loss, Tensor? gradient, TLoss rowLoss)
        where TLoss : struct, IRowLoss<T> => Reduce(logits, factor, loss, new LossRows<TLoss>
        {
            Logits = logits.Pointer<T>(),
            Gradient = PointerOrNull(gradient),
            Classes = logits.Shape[1],
            Loss = rowLoss,
        });

    /// <summary>loss = factor * the sum of the samples' losses, added up in order.</summary>
    static void Reduce<TBody>(Tensor logits, double factor, Tensor loss, TBody body) where TBody : struct, ILossBody
    {
        long samples = logits.Shape[0];
        double* values = Scratch.Get<double>(ScratchUse.Reduction, samples);
        body.Values = values;
        // exp and log make an element some eight times as dear as a plain one.
        ForRows(samples, 8L * logits.Shape[1], body);
        double sum = 0;
        for (long i = 0; i < samples; i++)
            sum += values[i];
        *loss.Pointer<T>() = T.CreateTruncating(sum * factor);
    }

    struct LossRows<TLoss> : ILossBody
        where TLoss : struct, IRowLoss<T>
    {
        public T* Logits, Gradient;
        public int Classes;
        public TLoss Loss;

        public double* Values { get; set; }

        public void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
                Values[row] = Loss.Run(row, Logits + row * Classes, Gradient is null ? null : Gradient + row * Classes, Classes);
        }
    }
}
