using PerturbedForgetting.Tensors.Autograd;

namespace PerturbedForgetting.Tensors.Memory;

/// <summary>
/// Owns the tensors that are created while it is open on this thread, and gives their memory back when it is disposed. What the
/// tape still needs for the backward pass stays until the backward pass has used it. Scopes nest: <see cref="Return"/> hands a
/// result to the scope outside. A training step is one scope; every module call is a small one of its own.
/// </summary>
/// <example><code>
/// using var step = Scope.Begin();
/// var loss = Ops.CrossEntropy(model.Call(images), labels);
/// loss.Backward();
/// </code></example>
public sealed class Scope : IDisposable
{
    [ThreadStatic] static Scope? current;
    [ThreadStatic] static Stack<Scope>? pool;
    [ThreadStatic] static Stack<Tensor>? spare;

    readonly List<Storage> owned = [];
    readonly List<Node> recorded = [];
    readonly List<Tensor> hidden = [];
    Scope? outer, root;

    Scope()
    {
    }

    internal static Scope? Current => current;

    /// <summary>Whether nobody outside the library sees the tensors that are made here, but those that are returned.</summary>
    internal bool Hides { get; private set; }

    /// <summary>Opens a scope inside the one that is open on this thread, if any.</summary>
    public static Scope Begin()
    {
        pool ??= new Stack<Scope>();
        if (!pool.TryPop(out var scope))
            scope = new Scope();
        scope.outer = current;
        scope.root = current?.root ?? scope;
        scope.Hides = current is { Hides: true };
        current = scope;
        return scope;
    }

    /// <summary>Opens a scope whose tensors, and those of the scopes inside it, nobody outside the library sees but those that it
    /// returns.</summary>
    internal static Scope BeginHidden()
    {
        var scope = Begin();
        scope.Hides = true;
        return scope;
    }

    /// <summary>Opens a scope that may stay when it is closed (<see cref="Close"/>): what is recorded in it is its own, whatever scopes are
    /// open around it.</summary>
    internal static Scope BeginKept()
    {
        var scope = Begin();
        scope.root = scope;
        scope.Hides = false;
        return scope;
    }

    internal void Own(Storage storage) => owned.Add(storage);

    /// <summary>The outermost scope frees what the tape holds for a backward pass that never came, and keeps the node for another
    /// operation.</summary>
    internal void Track(Node node) => root!.recorded.Add(node);

    /// <summary>What the tape of the outermost scope keeps for the backward pass.</summary>
    internal IEnumerable<Tensor> Saved => root!.recorded.SelectMany(static node => node.Held);

    /// <summary>A tensor object that was used before, if there is one.</summary>
    internal static Tensor? TakeSpare() => spare is not null && spare.TryPop(out var tensor) ? tensor : null;

    /// <summary>Once the outermost scope ends, the object becomes another tensor: nobody may hold it any more by then.</summary>
    internal void Hide(Tensor tensor) => root!.hidden.Add(tensor);

    /// <summary>Hands a tensor to the scope outside; without one, to the caller, who disposes it.</summary>
    public Tensor Return(Tensor result)
    {
        if (Hides && outer is not { Hides: true })
            Show(result);
        for (int i = owned.Count - 1; i >= 0; i--)
        {
            if (owned[i] != result.Storage)
                continue;
            owned.RemoveAt(i);
            outer?.Own(result.Storage);
            break;
        }
        return result;
    }

    /// <summary>From now on a caller sees the tensor, whose object is therefore not used again.</summary>
    void Show(Tensor tensor)
    {
        var all = root!.hidden;
        int at = all.LastIndexOf(tensor);
        if (at < 0)
            return;
        all[at] = all[^1];
        all.RemoveAt(all.Count - 1);
    }

    /// <summary>
    /// Gives back, if the innermost scope owns it, a tensor that is no longer needed, before the scope ends; what the tape saved
    /// stays. Keeps the peak of a long chain of operations low.
    /// </summary>
    /// <returns><paramref name="next"/>, which may be the same tensor or share its memory; then nothing is given back.</returns>
    public static Tensor Replace(Tensor old, Tensor next)
    {
        if (current is { } scope && old.Storage != next.Storage && scope.owned.Remove(old.Storage))
            old.Storage.Release();
        return next;
    }

    /// <summary>Releases everything that was not returned.</summary>
    /// <exception cref="InvalidOperationException">An inner scope is still open.</exception>
    public void Dispose()
    {
        Close();
        Release();
    }

    /// <summary>Closes the scope and keeps what is in it.</summary>
    /// <exception cref="InvalidOperationException">An inner scope is still open.</exception>
    internal void Close()
    {
        if (current != this)
            throw new InvalidOperationException("Scopes close in the reverse order of opening; one inside this one is still open.");
        current = outer;
        outer = null;
    }

    /// <summary>Releases what a closed scope has kept.</summary>
    internal void Release()
    {
        foreach (var storage in owned)
            storage.Release();
        owned.Clear();
        foreach (var node in recorded)
            node.Recycle();
        recorded.Clear();
        foreach (var tensor in hidden)
        {
            tensor.Forget();
            (spare ??= new Stack<Tensor>()).Push(tensor);
        }
        hidden.Clear();
        root = null;
        (pool ??= new Stack<Scope>()).Push(this);
    }
}
