using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>The quick tests of a whole warp's access, lines of 128 bytes and vectors of words at once. What they do not let pass is looked
/// at lane by lane.</summary>
[SkipLocalsInit]
sealed unsafe partial class GlobalWatch
{
    const int WordShift = 2;

    /// <summary>Notes the loads of a whole warp within an allocation; false when its lanes must be looked at one by one.</summary>
    public bool TryRead(Allocation allocation, AccessPattern* pattern, ulong lead, int warp, int bytes, AccessFlags flags) =>
        Try(allocation, pattern, lead, warp, bytes, flags, isWrite: false);

    /// <summary>Notes the stores of a whole warp.</summary>
    /// <inheritdoc cref="TryRead"/>
    public bool TryWrite(Allocation allocation, AccessPattern* pattern, ulong lead, int warp, int bytes, AccessFlags flags) =>
        Try(allocation, pattern, lead, warp, bytes, flags, isWrite: true);

    bool Try(Allocation allocation, AccessPattern* pattern, ulong lead, int warp, int bytes, AccessFlags flags, bool isWrite)
    {
        if (bytes < sizeof(uint) || (flags & AccessFlags.Strong) != 0)
            return false;
        Enter(warp, flags);
        byte* threads = pattern->Threads, lines = pattern->Lines;
        for (int r = 0; r < pattern->Ranges; r++)
        {
            ulong offset = lead + (ulong)pattern->Starts[r] - allocation.Start;
            int left = pattern->Lengths[r];
            byte* line = offset % AccessShadow.LineBytes == 0 ? lines : null;
            lines += left >> AccessShadow.LineShift;
            while (left > 0)
            {
                AccessShadow shadow = allocation.Shadow(offset);
                int at = (int)(offset % AccessShadow.Size), part = Math.Min(left, AccessShadow.Size - at);
                if (launch.IsConcurrent)
                    shadow.Enter();
                bool isGood = Try(shadow, at, part, threads, line, isWrite);
                if (launch.IsConcurrent)
                    shadow.Leave();
                if (!isGood)
                    return false;
                offset += (ulong)part;
                left -= part;
                threads += part >> WordShift;
                line += line == null ? 0 : part >> AccessShadow.LineShift;
            }
        }
        return true;
    }

    bool Try(AccessShadow shadow, int at, int bytes, byte* threads, byte* lines, bool isWrite)
    {
        (isWrite ? ref shadow.WrittenIn : ref shadow.ReadIn) = launch.First;
        for (int end = at + bytes; at < end;)
        {
            int line = at >> AccessShadow.LineShift, next = Math.Min(end, (line + 1) << AccessShadow.LineShift);
            bool isWhole = lines != null && next - at == AccessShadow.LineBytes && *lines++ is var way && way != AccessPattern.Irregular
                && (isWrite ? TryWriteLine(shadow, line, own | way) : TryReadLine(shadow, line, own | way));
            if (!isWhole && (launch.GranuleShift != WordShift
                || !(isWrite ? TryWriteWords(shadow, line, at, next, threads) : TryReadWords(shadow, line, at, next, threads))))
                return false;
            threads += (next - at) >> WordShift;
            at = next;
        }
        return true;
    }

    /// <summary>The quick part of <see cref="IsBefore(long, int, int)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool IsBefore(long tag, long thread)
    {
        long differ = tag ^ thread;
        return tag < launch.First
            || ((differ & (AccessTag.Block | AccessTag.SeveralBlocks)) == 0
                && (tag < everything || ((differ & (AccessTag.Warp | AccessTag.SeveralWarps)) == 0
                    // An access of several lanes at once is no lane's own.
                    && (tag < whole || ((differ & AccessTag.Thread) | (thread & AccessTag.SeveralLanes)) == 0))));
    }

    bool TryReadLine(AccessShadow shadow, int line, long thread)
    {
        long writer = shadow.WrittenIn == launch.First ? shadow.LinesWritten[line] : 0;
        if (writer >= launch.First && (AccessTag.IsWords(writer) || (thread & AccessTag.ReadOnly) != 0 || !IsBefore(writer, thread)))
            return false;
        ref long reader = ref shadow.LinesRead[line];
        if (reader < launch.First)
        {
            reader = thread;
            return true;
        }
        if (AccessTag.IsWords(reader))
            return false;
        bool isBefore = IsBefore(reader, thread);
        // Two regular ways of one warp: some words have one reader, some two.
        if (!isBefore && ((reader ^ thread) & (AccessTag.Block | AccessTag.SeveralBlocks | AccessTag.Warp | AccessTag.SeveralWarps)) == 0)
            return false;
        reader = (isBefore ? thread : Join(reader, thread)) | ((reader | thread) & AccessTag.Sticky);
        return true;
    }

    bool TryWriteLine(AccessShadow shadow, int line, long thread)
    {
        long reader = shadow.ReadIn == launch.First ? shadow.LinesRead[line] : 0;
        if (reader >= launch.First
            && (AccessTag.IsWords(reader) || (reader & AccessTag.ReadOnly) != 0 || !IsBefore(reader, thread)))
            return false;
        ref long writer = ref shadow.LinesWritten[line];
        if (writer >= launch.First && (AccessTag.IsWords(writer) || !IsBefore(writer, thread)))
            return false;
        writer = thread;
        return true;
    }

    /// <summary>The tags of the words of a line that was not touched in this launch, or of which each word has its own; null when that need
    /// not be, as all was before what the block does now.</summary>
    long* Tags(AccessShadow shadow, int line, bool isWrite)
    {
        if ((isWrite ? shadow.WrittenIn : shadow.ReadIn) != launch.First)
            return null;
        long tag = (isWrite ? shadow.LinesWritten : shadow.LinesRead)[line];
        if (tag < launch.First)
            return null;
        shadow.Expand(line, isWrite, launch.First, WordShift);
        return isWrite ? shadow.Written : shadow.Read;
    }

    bool TryReadWords(AccessShadow shadow, int line, int at, int end, byte* threads)
    {
        long* written = Tags(shadow, line, isWrite: true);
        shadow.Expand(line, isWrite: false, launch.First, WordShift);
        // Expanding may have moved the tags.
        written = written == null ? null : shadow.Written;
        long* read = shadow.Read;
        int word = at >> WordShift, last = end >> WordShift;
        for (; last - word >= Vector256<long>.Count; word += Vector256<long>.Count, threads += Vector256<long>.Count)
        {
            Vector256<long> thread = Threads(threads), reader = Vector256.Load(read + word);
            if (written != null && !Passes(Vector256.Load(written + word), thread, ownForbids: AccessTag.ReadOnly, tagForbids: 0))
                return false;
            Vector256<long> isBefore = IsBefore(reader, thread, out Vector256<long> isBlock, out Vector256<long> isWarp);
            Vector256<long> segment = Vector256.Create(AccessTag.Segment);
            Vector256<long> joined = Vector256.ConditionalSelect(isWarp,
                (thread & Vector256.Create(~AccessTag.Lane)) | Vector256.Create(AccessTag.SeveralLanes),
                Vector256.ConditionalSelect(isBlock,
                    Vector256.Max(reader & segment, thread & segment) | Vector256.Create(block | AccessTag.SeveralWarps),
                    Vector256.Create(launch.First | AccessTag.SeveralBlocks)));
            Vector256<long> isOld = Vector256.LessThan(reader, Vector256.Create(launch.First));
            Vector256<long> kept = Vector256.AndNot(reader & Vector256.Create(AccessTag.Sticky), isOld)
                | (thread & Vector256.Create(AccessTag.Sticky));
            (Vector256.ConditionalSelect(isBefore, thread, joined) | kept).Store(read + word);
        }
        for (; word < last; word++, threads++)
        {
            long thread = own | *threads, reader = read[word];
            if (written != null && written[word] >= launch.First
                && ((thread & AccessTag.ReadOnly) != 0 || !IsBefore(written[word], thread)))
                return false;
            read[word] = (IsBefore(reader, thread) ? thread : Join(reader, thread) | (thread & AccessTag.Sticky))
                | (reader < launch.First ? 0 : reader & AccessTag.Sticky);
        }
        return true;
    }

    bool TryWriteWords(AccessShadow shadow, int line, int at, int end, byte* threads)
    {
        long* read = Tags(shadow, line, isWrite: false);
        shadow.Expand(line, isWrite: true, launch.First, WordShift);
        read = read == null ? null : shadow.Read;
        long* written = shadow.Written;
        int word = at >> WordShift, last = end >> WordShift;
        for (; last - word >= Vector256<long>.Count; word += Vector256<long>.Count, threads += Vector256<long>.Count)
        {
            Vector256<long> thread = Threads(threads);
            if (!Passes(Vector256.Load(written + word), thread, ownForbids: 0, tagForbids: 0)
                || (read != null && !Passes(Vector256.Load(read + word), thread, ownForbids: 0, tagForbids: AccessTag.ReadOnly)))
                return false;
            thread.Store(written + word);
        }
        for (; word < last; word++, threads++)
        {
            long thread = own | *threads;
            if (!IsBefore(written[word], thread) || (read != null && read[word] >= launch.First
                && ((read[word] & AccessTag.ReadOnly) != 0 || !IsBefore(read[word], thread))))
                return false;
            written[word] = thread;
        }
        return true;
    }

    /// <summary>Whether all of some tags are of earlier launches, or before accesses of threads and with none of some flags.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool Passes(Vector256<long> tag, Vector256<long> thread, long ownForbids, long tagForbids)
    {
        Vector256<long> isFree = Vector256.Equals((tag & Vector256.Create(tagForbids)) | (thread & Vector256.Create(ownForbids)),
            Vector256<long>.Zero);
        return ((IsBefore(tag, thread, out _, out _) & isFree) | Vector256.LessThan(tag, Vector256.Create(launch.First)))
            == Vector256<long>.AllBitsSet;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector256<long> Threads(byte* threads)
    {
        Vector128<uint> lanes = Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(uint*)threads).AsByte()));
        return (Vector256.Create(Vector128.WidenLower(lanes), Vector128.WidenUpper(lanes)) | Vector256.Create((ulong)own)).AsInt64();
    }

    /// <inheritdoc cref="IsBefore(long, long)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector256<long> IsBefore(Vector256<long> tag, Vector256<long> thread, out Vector256<long> isBlock, out Vector256<long> isWarp)
    {
        Vector256<long> differ = tag ^ thread, zero = Vector256<long>.Zero;
        isBlock = Vector256.Equals(differ & Vector256.Create(AccessTag.Block | AccessTag.SeveralBlocks), zero);
        isWarp = isBlock & Vector256.Equals(differ & Vector256.Create(AccessTag.Warp | AccessTag.SeveralWarps), zero);
        Vector256<long> isSame = Vector256.Equals((differ & Vector256.Create(AccessTag.Thread))
            | (thread & Vector256.Create(AccessTag.SeveralLanes)), zero);
        return Vector256.LessThan(tag, Vector256.Create(launch.First))
            | (isBlock & Vector256.LessThan(tag, Vector256.Create(everything)))
            | (isWarp & (isSame | Vector256.LessThan(tag, Vector256.Create(whole))));
    }
}
