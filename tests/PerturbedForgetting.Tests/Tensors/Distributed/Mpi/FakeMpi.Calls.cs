using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using PerturbedForgetting.Tensors.Distributed.Mpi;

namespace PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

// The entry points.
sealed unsafe partial class FakeMpi
{
    static nint Function(string name) => name switch
    {
        "MPI_Get_library_version" => (nint)(delegate* unmanaged<byte*, int*, int>)&Version,
        "MPI_Initialized" => (nint)(delegate* unmanaged<int*, int>)&Initialized,
        "MPI_Finalized" => (nint)(delegate* unmanaged<int*, int>)&Finalized,
        "MPI_Init_thread" => (nint)(delegate* unmanaged<int*, byte***, int, int*, int>)&Begin,
        "MPI_Finalize" => (nint)(delegate* unmanaged<int>)&End,
        "MPI_Error_class" => (nint)(delegate* unmanaged<int, int*, int>)&ErrorClass,
        "MPI_Error_string" => (nint)(delegate* unmanaged<int, byte*, int*, int>)&ErrorString,
        "MPI_Get_processor_name" => (nint)(delegate* unmanaged<byte*, int*, int>)&ProcessorName,
        "MPI_Comm_set_errhandler" => (nint)(delegate* unmanaged<nint, nint, int>)&SetErrorHandler,
        "MPI_Comm_rank" => (nint)(delegate* unmanaged<nint, int*, int>)&Rank,
        "MPI_Comm_size" => (nint)(delegate* unmanaged<nint, int*, int>)&Size,
        "MPI_Comm_split" => (nint)(delegate* unmanaged<nint, int, int, nint*, int>)&Split,
        "MPI_Comm_split_type" => (nint)(delegate* unmanaged<nint, int, int, nint, nint*, int>)&SplitType,
        "MPI_Comm_free" => (nint)(delegate* unmanaged<nint*, int>)&Free,
        "MPI_Ibarrier" => (nint)(delegate* unmanaged<nint, nint*, int>)&BeginBarrier,
        "MPI_Test" => (nint)(delegate* unmanaged<nint*, int*, nint, int>)&Test,
        "MPI_Allreduce" => (nint)(delegate* unmanaged<nint, nint, int, nint, nint, nint, int>)&AllReduce,
        "MPI_Bcast" => (nint)(delegate* unmanaged<nint, int, nint, int, nint, int>)&Broadcast,
        "MPI_Allgather" => (nint)(delegate* unmanaged<nint, int, nint, nint, int, nint, nint, int>)&AllGather,
        "MPI_Alltoall" => (nint)(delegate* unmanaged<nint, int, nint, nint, int, nint, nint, int>)&AllToAll,
        _ => 0,
    };

    static Member Me => current.Value!;

    // Whether the member may make a call now.
    static int Enter(string call)
    {
        if (Me.World.Failures.TryGetValue(call, out int code))
            return code;
        return Me.IsEnded || Me.Thread != Environment.CurrentManagedThreadId ? ErrorOfThread : 0;
    }

    static int Write(byte* text, int* length, string content)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(content);
        bytes.CopyTo(new Span<byte>(text, bytes.Length));
        text[bytes.Length] = 0;
        *length = bytes.Length;
        return 0;
    }

    // Asked where the library is loaded, before there are members.
    [UnmanagedCallersOnly]
    static int Version(byte* text, int* length) => Write(text, length, "Test MPI v1.2, a build");

    [UnmanagedCallersOnly]
    static int Initialized(int* flag)
    {
        *flag = Me.Thread != 0 ? 1 : 0;
        return 0;
    }

    [UnmanagedCallersOnly]
    static int Finalized(int* flag)
    {
        *flag = Me.IsEnded ? 1 : 0;
        return 0;
    }

    [UnmanagedCallersOnly]
    static int Begin(int* count, byte*** arguments, int required, int* provided)
    {
        Me.Thread = Environment.CurrentManagedThreadId;
        *provided = required;
        return Enter("MPI_Init_thread");
    }

    [UnmanagedCallersOnly]
    static int End()
    {
        int code = Enter("MPI_Finalize");
        Me.IsEnded = true;
        return code;
    }

    [UnmanagedCallersOnly]
    static int ErrorClass(int code, int* errorClass)
    {
        *errorClass = code == ErrorOfTruncation ? (Me.World.family == MpiFamily.OpenMpi ? 15 : 14) : code;
        return 0;
    }

    [UnmanagedCallersOnly]
    static int ErrorString(int code, byte* text, int* length) =>
        Write(text, length, code == ErrorOfTruncation ? "Message truncated, error stack:\ninternal_Call(77): other counts\n" : "");

    [UnmanagedCallersOnly]
    static int ProcessorName(byte* text, int* length) => Write(text, length, $"machine{Me.Rank / Me.World.ProcessesOfAMachine}");

    [UnmanagedCallersOnly]
    static int SetErrorHandler(nint group, nint handler) =>
        Me.World.Canonical(handler) == Me.World.Api.Constants.ErrorsReturn ? Enter("MPI_Comm_set_errhandler") : ErrorOfTruncation;

    [UnmanagedCallersOnly]
    static int Rank(nint group, int* rank)
    {
        *rank = Me.World.GroupOf(group).RankOf(Me);
        return Enter("MPI_Comm_rank");
    }

    [UnmanagedCallersOnly]
    static int Size(nint group, int* size)
    {
        *size = Me.World.GroupOf(group).Size;
        return Enter("MPI_Comm_size");
    }

    [UnmanagedCallersOnly]
    static int Split(nint group, int color, int key, nint* made) => Part(group, color, made, "MPI_Comm_split");

    [UnmanagedCallersOnly]
    static int SplitType(nint group, int type, int key, nint info, nint* made) =>
        type != Me.World.Api.Constants.SharedMemory || Me.World.Canonical(info) != Me.World.Api.Constants.InfoNull
            ? ErrorOfTruncation
            : Part(group, Me.Rank / Me.World.ProcessesOfAMachine, made, "MPI_Comm_split_type");

    static int Part(nint group, int color, nint* made, string call)
    {
        FakeMpi world = Me.World;
        Group whole = world.GroupOf(group);
        nint handle = 0;
        nint answer = color;
        int code = Enter(call);
        if (code == 0)
            code = whole.All(Me, call, (nint)(&answer), addresses =>
            {
                nint[] colors = [.. addresses.Select(address => *(nint*)address)];
                Dictionary<nint, nint> handles = [];
                foreach (nint each in colors.Distinct())
                {
                    // The highest bit is set in MPICH's.
                    nint next = (nint)(0x84000000L + Interlocked.Increment(ref world.lastGroup));
                    world.groups[next] = new([.. whole.Members.Where((_, rank) => colors[rank] == each)], world.ended.Token);
                    handles[each] = next;
                }
                for (int rank = 0; rank < addresses.Length; rank++)
                    *(nint*)addresses[rank] = handles[colors[rank]];
                return 0;
            });
        handle = answer;
        world.Write(made, handle);
        return code;
    }

    [UnmanagedCallersOnly]
    static int Free(nint* group) =>
        Enter("MPI_Comm_free") is var code && code == 0 ? Me.World.GroupOf(*group).All(Me, "MPI_Comm_free", 0, static _ => 0) : code;

    [UnmanagedCallersOnly]
    static int BeginBarrier(nint group, nint* request)
    {
        // A group has few barriers under way; the number of the group's own and that of the barrier make the request.
        Me.World.Write(request, (nint)Me.World.GroupOf(group).Arrive(Me));
        barrierOf = Me.World.GroupOf(group);
        return Enter("MPI_Ibarrier");
    }

    [ThreadStatic] static Group? barrierOf;

    [UnmanagedCallersOnly]
    static int Test(nint* request, int* flag, nint status)
    {
        *flag = barrierOf!.HaveArrived(*request) ? 1 : 0;
        return Me.World.Canonical(status) == Me.World.Api.Constants.StatusIgnore ? Enter("MPI_Test") : ErrorOfTruncation;
    }

    [UnmanagedCallersOnly]
    static int AllReduce(nint send, nint receive, int count, nint type, nint operation, nint group)
    {
        FakeMpi world = Me.World;
        MpiConstants constants = world.Api.Constants;
        (type, operation) = (world.Canonical(type), world.Canonical(operation));
        if (Enter("MPI_Allreduce") is var code && code != 0)
            return code;
        if (send != constants.InPlace)
            return ErrorOfTruncation;
        world.Moved.Add((long)count * world.SizeOf(type));
        return world.GroupOf(group).All(Me, $"MPI_Allreduce {count} {type} {operation}", receive, addresses =>
            type == constants.Float32 ? Combine<float>(addresses, count, operation, constants)
            : type == constants.Float64 ? Combine<double>(addresses, count, operation, constants)
            : type == constants.Int32 ? Combine<int>(addresses, count, operation, constants)
            : type == constants.Int64 ? Combine<long>(addresses, count, operation, constants)
            : ErrorOfTruncation);
    }

    static int Combine<T>(nint[] addresses, int count, nint operation, MpiConstants constants) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < count; i++)
        {
            T result = ((T*)addresses[0])[i];
            foreach (nint address in addresses.Skip(1))
            {
                T value = ((T*)address)[i];
                result = operation == constants.Sum ? result + value
                    : operation == constants.Max ? (value > result ? value : result)
                    : value < result ? value : result;
            }
            foreach (nint address in addresses)
                ((T*)address)[i] = result;
        }
        return 0;
    }

    [UnmanagedCallersOnly]
    static int Broadcast(nint address, int count, nint type, int root, nint group)
    {
        long bytes = (long)count * Me.World.SizeOf(type);
        if (Enter("MPI_Bcast") is var code && code != 0)
            return code;
        Me.World.Moved.Add(bytes);
        return Me.World.GroupOf(group).All(Me, $"MPI_Bcast {bytes} {root}", address, addresses =>
        {
            foreach (nint target in addresses.Where(target => target != addresses[root]))
                Buffer.MemoryCopy((void*)addresses[root], (void*)target, bytes, bytes);
            return 0;
        });
    }

    [UnmanagedCallersOnly]
    static int AllGather(nint send, int count, nint type, nint receive, int received, nint receivedType, nint group)
    {
        FakeMpi world = Me.World;
        if (Enter("MPI_Allgather") is var code && code != 0)
            return code;
        long bytes = (long)count * world.SizeOf(type);
        Group all = world.GroupOf(group);
        if (send != world.Api.Constants.InPlace)
        {
            nint own = receive + (nint)(all.RankOf(Me) * bytes);
            if (send < own + bytes && own < send + bytes)
                return ErrorOfTruncation;
            Buffer.MemoryCopy((void*)send, (void*)own, bytes, bytes);
        }
        world.Moved.Add(bytes);
        return all.All(Me, $"MPI_Allgather {bytes} {received}", receive, addresses =>
        {
            for (int from = 0; from < addresses.Length; from++)
            {
                nint offset = (nint)(from * bytes);
                foreach (nint target in addresses.Where((_, to) => to != from))
                    Buffer.MemoryCopy((void*)(addresses[from] + offset), (void*)(target + offset), bytes, bytes);
            }
            return 0;
        });
    }

    [UnmanagedCallersOnly]
    static int AllToAll(nint send, int count, nint type, nint receive, int received, nint receivedType, nint group)
    {
        FakeMpi world = Me.World;
        if (Enter("MPI_Alltoall") is var code && code != 0)
            return code;
        long bytes = (long)count * world.SizeOf(type);
        world.Moved.Add(bytes * world.GroupOf(group).Size);
        nint* pair = stackalloc nint[] { send, receive };
        return world.GroupOf(group).All(Me, $"MPI_Alltoall {bytes} {received}", (nint)pair, addresses =>
        {
            for (int from = 0; from < addresses.Length; from++)
            {
                for (int to = 0; to < addresses.Length; to++)
                    Buffer.MemoryCopy((void*)(((nint*)addresses[from])[0] + (nint)(to * bytes)),
                        (void*)(((nint*)addresses[to])[1] + (nint)(from * bytes)), bytes, bytes);
            }
            return 0;
        });
    }
}
