namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>What a message of the control channel says. Members speak to the hub, which is the first process, and the hub to
/// members.</summary>
enum ControlKind : byte
{
    /// <summary>Member, first of all: which protocol it speaks, and a number that nobody can foresee.</summary>
    Hello,

    /// <summary>Hub: another such number, and the proof that it belongs to the same run.</summary>
    Challenge,

    /// <summary>Member: the same proof, and who it is.</summary>
    Proof,

    /// <summary>Hub: why a process is not let in.</summary>
    Refused,

    /// <summary>Hub, once all are there: who they are.</summary>
    Roster,

    /// <summary>Either: still there. That of a member says how far it is.</summary>
    Beat,

    /// <summary>Member: what it gives to be gathered.</summary>
    Gather,

    /// <summary>Member: numbers to be added.</summary>
    Sum,

    /// <summary>Hub: what has become of what all gave.</summary>
    Answer,

    /// <summary>Member: the run should stop.</summary>
    StopRequest,

    /// <summary>Hub: somebody wants to stop; begin nothing more, and say what was begun.</summary>
    StopAsked,

    /// <summary>Member: how many updates it has begun.</summary>
    Position,

    /// <summary>Hub: how many updates all do before they stop.</summary>
    StopAfter,

    /// <summary>Member: it ends because of an error.</summary>
    Leave,

    /// <summary>Hub: somebody is gone, and all end.</summary>
    Failed,

    /// <summary>Either: it parts in peace.</summary>
    Goodbye,
}
