namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// Cuts a [rows, channels] matrix into tiles for sums over the rows. The cut of the rows depends on the shape alone and each tile is
/// summed in a fixed order, as are the tiles, so the sums have the same bits for any number of threads. Channels are summed apart, so
/// their cut may be finer where threads are many.
/// </summary>
readonly struct ChannelTiles
{
    /// <summary>The most rows of a <see cref="Group"/>.</summary>
    public const int MaxGroup = 8;

    const int TileElements = 1 << 15, GroupElements = 1 << 10, MinTileRows = 256, FewRowsChannels = 128, MinTileChannels = 64;

    // A quarter of a level-2 cache of 1 MiB: a matrix is summed with others of its size, most of them written long before.
    const int CacheElements = 1 << 16, GroupsAhead = 2;

    public ChannelTiles(long rows, int channels, int threads)
    {
        (Rows, Channels) = (rows, channels);
        // Whole rows stream best from memory; few rows leave the threads only channels to share.
        TileChannels = Math.Min(channels, rows is >= 64 and < 4 * MinTileRows ? FewRowsChannels : 512);
        TileRows = Math.Max(MinTileRows, TileElements / Math.Max(1, TileChannels) / MaxGroup * MaxGroup);
        Group = Math.Clamp(GroupElements / Math.Max(1, TileChannels), 1, MaxGroup);
        RowTiles = (int)((rows + TileRows - 1) / TileRows);
        while (TileChannels > MinTileChannels && Count < 2L * threads)
            TileChannels = Math.Max(MinTileChannels, GemmPlan.CeilDiv(TileChannels, 32) * 16);
    }

    /// <summary>Elements from one that is summed to one that memory is told of, some groups later: groups are read column by column, which
    /// no processor foresees. 0 where it is small, and where rows are so short that groups are read in order.</summary>
    public long Ahead => Rows * Channels > CacheElements && Channels >= MinTileChannels ? (long)GroupsAhead * MaxGroup * Channels : 0;

    public long Rows { get; }

    public int Channels { get; }

    public int TileChannels { get; }

    public int TileRows { get; }

    /// <summary>Rows that a kernel sums in registers before it adds them to a row of sums: a page of memory, so that it is read in
    /// order.</summary>
    public int Group { get; }

    public int RowTiles { get; }

    public int ChannelBlocks => GemmPlan.CeilDiv(Channels, TileChannels);

    /// <summary>Number of tiles.</summary>
    public int Count => RowTiles * ChannelBlocks;

    /// <summary>Tile <paramref name="index"/>: which of the row tiles, its first channel and its extent.</summary>
    public (int RowTile, int Channel, int Rows, int Channels) Tile(int index)
    {
        int tile = index / ChannelBlocks, channel = index % ChannelBlocks * TileChannels;
        return (tile, channel, RowsOf(tile), Math.Min(TileChannels, Channels - channel));
    }

    /// <summary>Rows of a row tile; the last may have fewer.</summary>
    public int RowsOf(int rowTile) => (int)Math.Min(TileRows, Rows - ((long)rowTile * TileRows));
}
