namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Keeps the pages that were read last. Small sets are in it whole; of large ones, dictionaries and what neighbours in the order
/// of an evaluation share.</summary>
/// <param name="budget">Bytes of pages that are kept.</param>
sealed class ParquetPageCache(long budget)
{
    readonly Dictionary<(int File, int Page), LinkedListNode<((int File, int Page) Key, ParquetPage Page)>> places = [];
    readonly LinkedList<((int File, int Page) Key, ParquetPage Page)> byUse = [];
    readonly Lock gate = new();
    long held;

    /// <summary>The page, if it is kept.</summary>
    public ParquetPage? Find(int file, int page)
    {
        lock (gate)
        {
            if (!places.TryGetValue((file, page), out var node))
                return null;
            byUse.Remove(node);
            byUse.AddFirst(node);
            return node.Value.Page;
        }
    }

    /// <summary>Keeps a page, and gives up others for it.</summary>
    public void Keep(int file, int number, ParquetPage page)
    {
        lock (gate)
        {
            if (page.Bytes > budget || !places.TryAdd((file, number), new(((file, number), page))))
                return;
            byUse.AddFirst(places[(file, number)]);
            held += page.Bytes;
            while (held > budget && byUse.Last is { } last)
            {
                byUse.RemoveLast();
                places.Remove(last.Value.Key);
                held -= last.Value.Page.Bytes;
            }
        }
    }
}
