using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training.Processes;

namespace PerturbedForgetting.Tests.Training.Processes;

/// <summary>Processes of a world that are threads of this one: they meet at a barrier and read each other's memory. Sums are made in the
/// order of the ranks.</summary>
sealed class ThreadWorld : World
{
    readonly Meeting meeting;
    readonly ThreadCommunicator communicator;

    ThreadWorld(Meeting meeting, int rank)
    {
        (this.meeting, Rank) = (meeting, rank);
        communicator = new ThreadCommunicator(meeting, rank);
    }

    public override int Rank { get; }

    public override int Size => meeting.Size;

    public override int LocalRank => Rank;

    public override int LocalSize => Size;

    public override string Description => $"{Size} threads";

    public override Communicator Communicator => communicator;

    /// <summary>Runs the same on all ranks, each on a thread.</summary>
    /// <returns>What each made.</returns>
    /// <exception cref="AggregateException">What they failed with; those that were only left behind are left out.</exception>
    public static T[] Run<T>(int size, Func<World, T> work)
    {
        using Meeting meeting = new(size);
        var results = new T[size];
        var errors = new Exception?[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            using ThreadWorld world = new(meeting, rank);
            try
            {
                results[rank] = work(world);
            }
            catch (Exception e)
            {
                errors[rank] = e;
                meeting.End($"rank {rank}: {e.Message}");
            }
        }, 16 << 20))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        Exception[] failed = [.. errors.OfType<Exception>()];
        if (failed.Length > 0)
            throw new AggregateException(failed.Where(static e => e is not CommunicationException).DefaultIfEmpty(failed[0]));
        return results;
    }

    public override void Open(Device device)
    {
    }

    public override IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> message)
    {
        IReadOnlyList<byte[]>? all = null;
        meeting.Exchange(Rank, message.ToArray(), shared => all = [.. shared.Cast<byte[]>()]);
        return all!;
    }

    public override void Sum(Span<double> values)
    {
        double[] mine = values.ToArray(), sums = new double[values.Length];
        meeting.Exchange(Rank, mine, shared =>
        {
            foreach (double[] part in shared.Cast<double[]>())
                for (int i = 0; i < sums.Length; i++)
                    sums[i] += part[i];
        });
        sums.CopyTo(values);
    }

    public override void RequestStop() => meeting.WantsStop = true;

    public override bool MayBegin(long update)
    {
        bool stops = false;
        meeting.Exchange(Rank, (update, meeting.WantsStop), shared =>
        {
            Assert.That(shared.Select(static s => (((long, bool))s!).Item1).Distinct().Count(), Is.EqualTo(1), "all are at the same update");
            stops = shared.Any(static s => (((long, bool))s!).Item2);
        });
        return !stops;
    }

    public override void Leave(string reason) => meeting.End($"rank {Rank}: {reason}");

    public override void Dispose()
    {
    }

    /// <summary>Where the threads meet.</summary>
    sealed class Meeting(int size) : IDisposable
    {
        readonly Barrier barrier = new(size);
        readonly CancellationTokenSource ended = new();
        readonly object?[] places = new object?[size];
        string reason = "";

        public int Size => size;

        public volatile bool WantsStop;

        /// <summary>Lays something down, waits for all, reads what all have laid down, and waits until all have read.</summary>
        public void Exchange(int rank, object mine, Action<object?[]> read)
        {
            places[rank] = mine;
            Meet();
            read(places);
            Meet();
        }

        public void End(string why)
        {
            reason = why;
            ended.Cancel();
        }

        public void Dispose()
        {
            barrier.Dispose();
            ended.Dispose();
        }

        void Meet()
        {
            try
            {
                barrier.SignalAndWait(ended.Token);
            }
            catch (OperationCanceledException e)
            {
                throw new CommunicationException(reason, e);
            }
        }
    }

    /// <summary>Collectives on the memory of the CPU.</summary>
    sealed class ThreadCommunicator(Meeting meeting, int rank) : Communicator
    {
        public override string Name => "threads";

        public override int Rank => rank;

        public override int Size => meeting.Size;

        public override CommunicationTimes Times => default;

        public override void BeginAllReduce(Tensor values, ReduceOperation operation)
        {
            double[] mine = TinyModels.Read(values);
            double[]? result = null;
            meeting.Exchange(rank, mine, shared => result = Reduce([.. shared.Cast<double[]>()], operation, values.DType));
            if (values.DType == DType.Float32)
                values.CopyFrom<float>([.. result!.Select(static v => (float)v)]);
            else
                values.CopyFrom<double>(result);
        }

        // Half of what a float has goes; the rest is summed as it is.
        public override void BeginAllReduceRounded(Tensor values, ReduceOperation operation)
        {
            if (values.DType == DType.Float32)
                values.CopyFrom<float>([.. values.ToArray<float>().Select(static v =>
                    BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(v) & 0xFFFF0000))]);
            BeginAllReduce(values, operation);
        }

        public override void Complete()
        {
        }

        public override void Broadcast(Tensor values, int root) =>
            meeting.Exchange(rank, values, shared =>
            {
                if (rank != root)
                    values.CopyFrom((Tensor)shared[root]!);
            });

        public override void AllGather(Tensor part, Tensor all) =>
            meeting.Exchange(rank, part, shared =>
            {
                for (int r = 0; r < shared.Length; r++)
                    all.View(part.Shape, r * part.Count).CopyFrom((Tensor)shared[r]!);
            });

        public override void Barrier() => meeting.Exchange(rank, 0, static _ => { });

        public override Communicator Split(int color) => throw new NotSupportedException();

        public override void Abort(string reason) => meeting.End(reason);

        public override void Dispose()
        {
        }

        // As a library that adds in the type of the values, one rank after the other.
        static double[] Reduce(double[][] parts, ReduceOperation operation, DType type)
        {
            double[] sum = [.. parts[0]];
            foreach (double[] part in parts[1..])
            {
                for (int i = 0; i < sum.Length; i++)
                {
                    sum[i] = operation switch
                    {
                        ReduceOperation.Min => Math.Min(sum[i], part[i]),
                        ReduceOperation.Max => Math.Max(sum[i], part[i]),
                        _ => type == DType.Float32 ? (float)sum[i] + (float)part[i] : sum[i] + part[i],
                    };
                }
            }
            if (operation == ReduceOperation.Mean)
                for (int i = 0; i < sum.Length; i++)
                    sum[i] /= parts.Length;
            return sum;
        }
    }
}
