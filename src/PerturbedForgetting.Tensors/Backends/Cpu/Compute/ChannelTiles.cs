namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// Cuts a [rows, channels] matrix into tiles for sums over the rows. The cut depends on the shape alone and each tile is summed in
/// a fixed order, as are the tiles, so the sums have the same bits for any number of threads.
/// </summary>
readonly struct ChannelTiles
{
    /// <summary>Rows that a kernel sums in registers before it adds them to a row of sums.</summary>
    public const int Group = 8;

    // Tiles are some 128 KiB, which the second-level cache keeps, and 10 microseconds of work.
    const int TileElements = 1 << 15;

    public ChannelTiles(long rows, int channels)
    {
        (Rows, Channels) = (rows, channels);
        // Few rows leave the threads only channels to share.
        TileChannels = Math.Min(channels, rows < 256 ? 512 : 128);
        TileRows = TileElements / Math.Max(1, TileChannels) / Group * Group;
        RowTiles = (int)((rows + TileRows - 1) / TileRows);
        ChannelBlocks = (channels + TileChannels - 1) / TileChannels;
    }

    public long Rows { get; }

    public int Channels { get; }

    public int TileChannels { get; }

    public int TileRows { get; }

    public int RowTiles { get; }

    public int ChannelBlocks { get; }

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
