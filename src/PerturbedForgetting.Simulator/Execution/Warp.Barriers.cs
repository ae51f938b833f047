namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A barrier that a warp waits at.</summary>
unsafe struct BarrierWait
{
    /// <summary>Which of the block's 16 barriers.</summary>
    public int Id;

    /// <summary>Threads that must arrive; 0 for the whole block.</summary>
    public int Threads;

    /// <summary>Lanes that voted yes, for a reduction over the barrier.</summary>
    public uint Vote;

    /// <summary>What the vote becomes.</summary>
    public BarrierResult Result;

    public Instruction* At;
}

enum BarrierResult
{
    None,
    Count,
    All,
    Any,
}

sealed unsafe partial class Warp
{
    readonly int[] arrivals = new int[16];

    /// <summary>Where the warp waits.</summary>
    public BarrierWait Barrier;

    /// <summary>Waits until enough threads have arrived.</summary>
    public void Wait(in BarrierWait barrier)
    {
        Barrier = barrier;
        Worker.Shared.Order.Arrive(Index, barrier.Id);
        State = WarpState.Waiting;
    }

    /// <summary>Counts as arrived at a barrier without waiting.</summary>
    public void Arrive(int id)
    {
        arrivals[id]++;
        Worker.Shared.Order.Arrive(Index, id);
    }

    public int Arrived(int id) => arrivals[id];

    public void ForgetArrival(int id) => arrivals[id] = 0;

    /// <summary>Goes on behind the barrier.</summary>
    /// <param name="yes">Threads that voted yes.</param>
    /// <param name="all">Threads that voted.</param>
    public void Pass(int yes, int all)
    {
        int destination = Barrier.At->Destination;
        switch (Barrier.Result)
        {
            case BarrierResult.Count:
                for (int lane = 0; lane < Lanes; lane++)
                    Words(destination)[lane] = (Active >> lane & 1) != 0 ? (uint)yes : Words(destination)[lane];
                break;
            case BarrierResult.All or BarrierResult.Any:
                bool holds = Barrier.Result == BarrierResult.All ? yes == all : yes > 0;
                uint* predicate = Words(destination);
                *predicate = (*predicate & ~Active) | (holds ? Active : 0);
                break;
        }
        State = WarpState.Running;
    }
}
