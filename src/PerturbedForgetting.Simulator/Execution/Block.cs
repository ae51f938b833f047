using System.Numerics;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A block of threads while it runs: its warps, its shared and local memory, its barriers, its place in the grid.</summary>
sealed unsafe class Block
{
    readonly Warp[] warps;

    public Block(Worker worker, int threads)
    {
        Worker = worker;
        Threads = threads;
        warps = new Warp[(threads + Warp.Lanes - 1) / Warp.Lanes];
        for (int w = 0; w < warps.Length; w++)
            warps[w] = new Warp(this, w);
    }

    public Worker Worker { get; }

    /// <summary>Threads of a block.</summary>
    public int Threads { get; }

    public ReadOnlySpan<Warp> Warps => warps;

    /// <summary>Place in the grid.</summary>
    public int X, Y, Z;

    /// <summary>Runs all warps to their end.</summary>
    public void Run()
    {
        for (int w = 0; w < warps.Length; w++)
        {
            int lanes = Math.Min(Warp.Lanes, Threads - (w * Warp.Lanes));
            warps[w].Start(lanes == Warp.Lanes ? uint.MaxValue : (1u << lanes) - 1);
        }
        while (true)
        {
            bool isRunning = false, isWaiting = false;
            foreach (int w in Worker.Turns.NextRound())
            {
                Warp warp = warps[w];
                if (warp.State == WarpState.Running)
                    Worker.RunTurn(warp);
                isRunning |= warp.State == WarpState.Running;
                isWaiting |= warp.State == WarpState.Waiting;
            }
            if (isWaiting && !Release() && !isRunning)
                throw Stuck();
            if (!isWaiting && !isRunning)
                return;
        }
    }

    /// <summary>Lets the warps of every barrier go on that enough threads have reached; whether there was one.</summary>
    bool Release()
    {
        bool released = false;
        foreach (Warp first in warps)
        {
            if (first.State != WarpState.Waiting)
                continue;
            int id = first.Barrier.Id, arrived = 0, expected = first.Barrier.Threads;
            foreach (Warp warp in warps)
            {
                if (warp.State == WarpState.Waiting && warp.Barrier.Id == id)
                    arrived += Warp.Lanes;
                arrived += warp.Arrived(id) * Warp.Lanes;
                // A barrier of the whole block does not wait for threads that have exited (CUDA C++ Programming Guide, "Independent Thread
                // Scheduling").
                if (first.Barrier.Threads == 0 && (warp.State != WarpState.Exited || warp.Arrived(id) > 0))
                    expected += Warp.Lanes;
            }
            if (arrived < expected)
                continue;
            released = true;
            int yes = 0, all = 0, living = 0, passing = 0;
            foreach (Warp warp in warps)
            {
                living += warp.State == WarpState.Exited ? 0 : 1;
                warp.ForgetArrival(id);
                if (warp.State == WarpState.Waiting && warp.Barrier.Id == id)
                {
                    passing++;
                    yes += BitOperations.PopCount(warp.Barrier.Vote);
                    all += BitOperations.PopCount(warp.Active);
                }
            }
            // What exited counts as arrived where the whole block meets.
            bool isWhole = passing == living && (first.Barrier.Threads == 0 || living == warps.Length);
            foreach (Warp warp in warps)
            {
                if (warp.State != WarpState.Waiting || warp.Barrier.Id != id)
                    continue;
                if (!isWhole)
                    Worker.Shared.Order.Pass(warp.Index, id);
                warp.Pass(yes, all);
            }
            if (isWhole)
                Worker.Shared.Order.Level();
            else
                Worker.Shared.Order.Clear(id);
        }
        return released;
    }

    DeviceFault Stuck()
    {
        Warp waiting = warps.First(w => w.State == WarpState.Waiting);
        int exited = warps.Count(w => w.State == WarpState.Exited);
        string others = exited > 0
            ? $"{exited} of {warps.Length} warps have left the kernel without reaching it"
            : $"other warps wait at barrier "
            + $"{warps.First(w => w.State == WarpState.Waiting && w.Barrier.Id != waiting.Barrier.Id).Barrier.Id}";
        return waiting.Fault(waiting.Barrier.At, exited > 0 ? FaultKind.DivergentBarrier : FaultKind.BarrierDeadlock,
            $"warp {waiting.Index} waits at barrier {waiting.Barrier.Id} for ever: {others}");
    }
}
