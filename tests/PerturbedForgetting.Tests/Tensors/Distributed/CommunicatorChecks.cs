using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Tests.Tensors.Distributed;

/// <summary>What every group of processes must do, whatever carries the data. All members run the same checks; each knows what the others
/// have.</summary>
/// <param name="group">The group.</param>
/// <param name="device">Where its tensors are.</param>
sealed class CommunicatorChecks(Communicator group, Device device)
{
    static readonly DType[] numbers = [DType.Float32, DType.Float64, DType.Int32, DType.Int64];

    /// <summary>Runs all checks.</summary>
    /// <param name="counts">Of elements.</param>
    public void Run(params ReadOnlySpan<int> counts)
    {
        foreach (int count in counts)
        {
            foreach (DType type in numbers)
            {
                foreach (ReduceOperation operation in Enum.GetValues<ReduceOperation>())
                {
                    if (operation != ReduceOperation.Mean || type.IsFloating())
                        Reduce(count, type, operation);
                }
            }
            Rounded(count, ReduceOperation.Sum);
            Rounded(count, ReduceOperation.Mean);
            foreach (DType type in Enum.GetValues<DType>())
            {
                Broadcast(count, type, root: group.Size - 1);
                Gather(count, type);
            }
        }
        SeveralAtOnce();
        NanWins();
        Parts();
        group.Barrier();
    }

    /// <summary>Reduces so many small whole numbers, which no rounding changes.</summary>
    public void Many(int count)
    {
        float[] own = [.. Enumerable.Range(0, count).Select(index => (float)((index & 63) + group.Rank))];
        using Tensor exact = Tensor.From(own, [count], device), rounded = Tensor.From(own, [count], device);
        group.BeginAllReduce(exact, ReduceOperation.Sum);
        group.BeginAllReduceRounded(rounded, ReduceOperation.Sum);
        group.Complete();
        float[] sums = exact.ToArray<float>(), others = rounded.ToArray<float>();
        int ranks = group.Size * (group.Size - 1) / 2;
        for (int i = 0; i < count; i++)
        {
            int expected = (group.Size * (i & 63)) + ranks;
            if (sums[i] != expected || others[i] != expected)
                Assert.Fail($"{sums[i]} and {others[i]} at {i} of {count}, {expected} expected");
        }
    }

    /// <summary>Value of a member at a place: 24 bits with a sign, so that sums of float32 round.</summary>
    static double Value(int member, int index, DType type)
    {
        uint bits = (uint)((index * 0x9e3779b9) ^ (member * 0x85ebca6b)) * 0xc2b2ae35;
        bits ^= bits >> 15;
        return type switch
        {
            DType.UInt8 => bits & 0xff,
            DType.Int32 or DType.Int64 => (int)bits >> 6,
            DType.Float32 => ((int)bits >> 7) / 65536f,
            _ => ((int)bits >> 7) / 65536.0 * 1.0000001,
        };
    }

    Tensor Make(int member, int count, DType type)
    {
        double[] values = [.. Enumerable.Range(0, count).Select(index => Value(member, index, type))];
        Shape shape = [count];
        return type switch
        {
            DType.Float32 => Tensor.From([.. values.Select(value => (float)value)], shape, device),
            DType.Float64 => Tensor.From(values, shape, device),
            DType.Int32 => Tensor.From([.. values.Select(value => (int)value)], shape, device),
            DType.Int64 => Tensor.From([.. values.Select(value => (long)value)], shape, device),
            _ => Tensor.From([.. values.Select(value => (byte)value)], shape, device),
        };
    }

    static double[] Read(Tensor tensor) => tensor.DType switch
    {
        DType.Float32 => [.. tensor.ToArray<float>().Select(value => (double)value)],
        DType.Float64 => tensor.ToArray<double>(),
        DType.Int32 => [.. tensor.ToArray<int>().Select(value => (double)value)],
        DType.Int64 => [.. tensor.ToArray<long>().Select(value => (double)value)],
        _ => [.. tensor.ToArray<byte>().Select(value => (double)value)],
    };

    void Reduce(int count, DType type, ReduceOperation operation)
    {
        using Tensor values = Make(group.Rank, count, type);
        group.AllReduce(values, operation);
        double[] actual = Read(values);
        // Each of N - 1 additions and one product rounds by half a unit of what it is given, at most the sum of the absolute values.
        double unit = type switch { DType.Float32 => 1 / 16777216.0, DType.Float64 => 1 / 9007199254740992.0, _ => 0 };
        for (int i = 0; i < count; i++)
        {
            double[] all = [.. Enumerable.Range(0, group.Size).Select(member => Value(member, i, type))];
            double expected = operation switch
            {
                ReduceOperation.Sum => all.Sum(),
                ReduceOperation.Mean => all.Sum() / group.Size,
                ReduceOperation.Min => all.Min(),
                _ => all.Max(),
            };
            double tolerance = operation is ReduceOperation.Sum or ReduceOperation.Mean ? 2 * group.Size * unit * all.Sum(Math.Abs) : 0;
            if (!(Math.Abs(actual[i] - expected) <= tolerance))
                Assert.Fail($"{operation} of {count} {type}: {actual[i]:R} at {i}, {expected:R} expected ± {tolerance:R}");
        }
        SameBits(values);
    }

    // One rounding of each value, one of the result; those of float32 are within the 1 %.
    void Rounded(int count, ReduceOperation operation)
    {
        using Tensor values = Make(group.Rank, count, DType.Float32);
        group.BeginAllReduceRounded(values, operation);
        group.Complete();
        float[] actual = values.ToArray<float>();
        int divisor = operation == ReduceOperation.Mean ? group.Size : 1;
        for (int i = 0; i < count; i++)
        {
            double[] all = [.. Enumerable.Range(0, group.Size).Select(member => Value(member, i, DType.Float32))];
            double tolerance = 1.01 / 256 * (all.Sum(Math.Abs) + Math.Abs(all.Sum())) / divisor;
            if (!(Math.Abs(actual[i] - all.Sum() / divisor) <= tolerance))
                Assert.Fail($"rounded {operation} of {count}: {actual[i]:R} at {i}, {all.Sum() / divisor:R} expected ± {tolerance:R}");
        }
        SameBits(values);
    }

    void Broadcast(int count, DType type, int root)
    {
        using Tensor values = Make(group.Rank, count, type), expected = Make(root, count, type);
        group.Broadcast(values, root);
        Assert.That(Read(values), Is.EqualTo(Read(expected)), $"broadcast of {count} {type}");
    }

    void Gather(int count, DType type)
    {
        using Tensor part = Make(group.Rank, count, type), all = Tensor.Zeros([count * group.Size], type, device);
        group.AllGather(part, all);
        double[] expected = [.. Enumerable.Range(0, group.Size)
            .SelectMany(member => Enumerable.Range(0, count).Select(index => Value(member, index, type)))];
        Assert.That(Read(all), Is.EqualTo(expected), $"gather of {count} {type}");
        all.Fill(0);
        Tensor own = all.Rows(group.Rank * count, count);
        own.CopyFrom(part);
        group.AllGather(own, all);
        Assert.That(Read(all), Is.EqualTo(expected), $"gather of {count} {type} in place");
    }

    void SeveralAtOnce()
    {
        using Tensor first = Make(group.Rank, 1000, DType.Float64), second = Make(group.Rank, 7, DType.Int32);
        group.BeginAllReduce(first, ReduceOperation.Mean);
        group.BeginAllReduce(second, ReduceOperation.Sum);
        group.Complete();
        group.Complete();
        Assert.That(Read(second)[6], Is.EqualTo(Enumerable.Range(0, group.Size).Sum(member => Value(member, 6, DType.Int32))));
        Assert.That(Read(first)[999], Is.EqualTo(Enumerable.Range(0, group.Size).Average(member => Value(member, 999, DType.Float64)))
            .Within(1e-6));
    }

    /// <summary>A loss that is no number on one member is none on all.</summary>
    void NanWins()
    {
        foreach (ReduceOperation operation in Enum.GetValues<ReduceOperation>())
        {
            // NCCL's largest and smallest are fmaxf and fminf.
            if (group is NcclCommunicator && operation is ReduceOperation.Min or ReduceOperation.Max)
                continue;
            float own = group.Rank == group.Size - 1 ? float.NaN : group.Rank - 0.5f;
            using Tensor values = Tensor.From([own, 1f, -0.5f - group.Rank, float.PositiveInfinity], [4], device);
            group.AllReduce(values, operation);
            Assert.That(values.ToArray<float>()[0], Is.NaN, operation.ToString());
            Assert.That(values.ToArray<float>()[3], Is.EqualTo(float.PositiveInfinity), operation.ToString());
        }
    }

    /// <summary>The group falls into that of the even and that of the odd ranks.</summary>
    void Parts()
    {
        using Communicator part = group.Split(group.Rank % 2);
        int members = (group.Size + 1 - group.Rank % 2) / 2;
        Assert.That((part.Rank, part.Size), Is.EqualTo((group.Rank / 2, members)));
        using Tensor values = Tensor.From([1 << group.Rank], [1], device);
        part.AllReduce(values, ReduceOperation.Sum);
        int expected = Enumerable.Range(0, group.Size).Where(member => member % 2 == group.Rank % 2).Sum(member => 1 << member);
        Assert.That(values.Item(), Is.EqualTo(expected));
    }

    /// <summary>Whether all members have the same bits.</summary>
    void SameBits(Tensor values)
    {
        if (values.Count == 0)
            return;
        using Tensor all = Tensor.Zeros([(int)values.Count * group.Size], values.DType, device);
        group.AllGather(values, all);
        double[] own = Read(values), others = Read(all);
        for (int member = 0; member < group.Size; member++)
            Assert.That(others.AsSpan(member * own.Length, own.Length).SequenceEqual(own), Is.True, $"bits of member {member}");
    }
}
