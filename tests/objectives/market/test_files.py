"""Files as people have them: packed, in folders, in any encoding, with any delimiter."""

import bz2
import gzip
import io
import lzma
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.market import files
from objectives.market.reading import read_events
from objectives.market.returns import read_returns
from objectives.market.tables import open_table
from search_spaces.errors import DataError
from tests.helpers.funding import HEADER, read, rows, write

BODY = "2024-01-01 00:00:00,BTCUSDT,binance,0.0003\n2024-01-01 08:00:00,BTCUSDT,bybit,0.0001\n"
TEXT = f"{HEADER}\n{BODY}"
EXPECTED = [
    ("binance", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.0003),
    ("bybit", "BTCUSDT", "2024-01-01T08:00:00.000000", 0.0001),
]
JSON_LINES = "".join(
    '{"timestamp": "%s", "symbol": "%s", "exchange": "%s", "funding_rate": %s}\n'  # noqa: UP031
    % tuple(line.split(","))
    for line in BODY.splitlines()
)


def zipped(**members):
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return into.getvalue()


def frame():
    return pd.DataFrame(
        [line.split(",") for line in BODY.splitlines()], columns=HEADER.split(",")
    ).astype({"funding_rate": float})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.csv", TEXT),
        ("E.CSV", TEXT),
        ("e.txt", TEXT),
        ("e", TEXT),
        ("e.tsv", TEXT.replace(",", "\t")),
        ("e.csv", TEXT.replace(",", ";")),
        ("e.csv", TEXT.replace(",", "|")),
        ("e.csv", "sep=;\n" + TEXT.replace(",", ";")),
        ("e.csv", TEXT.encode("utf-8-sig")),
        ("e.csv", TEXT.encode("utf-16")),
        ("e.csv", TEXT.encode("utf-32")),
        ("e.csv", TEXT.replace("\n", "\r\n")),
        ("e.csv", TEXT.replace("\n", "\r")),
        ("e.csv", TEXT.rstrip("\n")),
        ("e.csv", TEXT.replace(HEADER, HEADER.upper())),
        ("e.csv", TEXT.replace(HEADER, HEADER.replace(",", ", "))),
        ("e.csv", TEXT.replace(HEADER, HEADER.replace("_", " ").title())),
        ("e.csv", "\n# exported 2024-01-03\n" + TEXT),
        ("e.csv", TEXT + "# end\n"),
        ("e.csv", TEXT.replace("\n", "\n\n")),
        ("e.csv", TEXT.replace("\n", "\n,,,\n")),
        ("e.csv", TEXT.replace("\n", ",\n")),
        ("e.csv", f"{HEADER}\n" + BODY.replace("\n", ",\n")),
        ("e.csv", '"' + TEXT.strip().replace(",", '","').replace("\n", '"\n"') + '"\n'),
        ("e.csv", f",{TEXT}".replace("\n2024", "\n7,2024")),  # with the index of a frame
        ("e.csv.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("e.csv.bz2", bz2.compress(TEXT.encode())),
        ("e.csv.xz", lzma.compress(TEXT.encode())),
        ("e.csv", gzip.compress(TEXT.encode(), mtime=0)),  # packed under the wrong name
        ("e.csv.zip", zipped(**{"e.csv": TEXT})),
        ("e.zip", zipped(**{"in/e.csv": TEXT, "__MACOSX/e.csv": b"\0", "in/e.csv.CHECKSUM": "x"})),
        ("e.jsonl", JSON_LINES),
        ("e.json", "[" + ",".join(JSON_LINES.splitlines()) + "]"),
        ("e.json", frame().to_json()),
        ("e.json", frame().to_json(orient="records", indent=2)),
        ("e.json.gz", gzip.compress(frame().to_json().encode(), mtime=0)),
    ],
)
def test_text(tmp_path, name, content):
    assert rows(read(tmp_path, name, content)) == EXPECTED


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one,
        lambda one: one.set_index("timestamp"),
        lambda one: one.assign(timestamp=pd.to_datetime(one["timestamp"])),
        lambda one: one.assign(
            timestamp=pd.to_datetime(one["timestamp"])
            .dt.tz_localize("UTC")
            .dt.tz_convert("Asia/Taipei")
        ),
        lambda one: one.assign(funding_rate=one["funding_rate"].astype("float32")),
        lambda one: one.assign(funding_rate=one["funding_rate"].astype(str)),
        lambda one: one.astype({"symbol": "category", "exchange": "category"}),
        lambda one: one.astype(object),
    ],
)
def test_columnar_files_and_frames(tmp_path, change):
    changed = change(frame())
    assert rows(read_events(changed)) == EXPECTED
    changed.to_parquet(tmp_path / "e.parquet")
    assert rows(read_events(tmp_path / "e.parquet")) == EXPECTED
    packed = gzip.compress((tmp_path / "e.parquet").read_bytes(), mtime=0)
    assert rows(read(tmp_path, "e.parquet.gz", packed)) == EXPECTED
    changed.reset_index().to_feather(tmp_path / "e.feather")
    assert rows(read_events(tmp_path / "e.feather")) == EXPECTED
    assert (
        rows(read(tmp_path, "f.zip", zipped(e=(tmp_path / "e.feather").read_bytes()))) == EXPECTED
    )


def test_hive_folders_give_columns(tmp_path):
    for exchange, some in frame().groupby("exchange"):
        folder = tmp_path / "e.parquet" / f"exchange={exchange}"
        folder.mkdir(parents=True)
        some.drop(columns="exchange").to_parquet(folder / "data.parquet")
    assert rows(read_events(tmp_path / "e.parquet")) == EXPECTED


def test_folders_and_several_sources(tmp_path):
    first, second = BODY.splitlines()
    write(tmp_path, "all/a.csv", f"{HEADER}\n{first}\n")
    write(tmp_path, "all/deep/b.csv.gz", gzip.compress(f"{HEADER}\n{second}\n".encode(), mtime=0))
    for beside in (".hidden.csv", "_SUCCESS", "README.md", "fetch.py"):
        write(tmp_path / "all", beside, "nothing")
    events = read_events([tmp_path / "all"])
    assert rows(events) == EXPECTED
    assert [source.label.split("/")[-1] for source in events.sources] == ["a.csv", "b.csv.gz"]
    assert events.place(1).endswith("b.csv.gz, row 2")
    again = read_events([tmp_path / "all" / "a.csv", str(tmp_path / "all" / "deep")])
    assert rows(again) == EXPECTED


def test_members_of_a_zip_are_named(tmp_path):
    good, bad = f"{HEADER}\n{BODY}", f"{HEADER}\n2024-01-01,BTCUSDT,binance,x\n"
    content = zipped(**{"a.csv": good, "b.csv": bad})
    with pytest.raises(DataError, match=r"e\.zip: b\.csv, row 2, column 'funding_rate'"):
        read(tmp_path, "e.zip", content)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.csv", "", "is empty"),
        ("e.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        (
            "e.csv.gz",
            gzip.compress(TEXT.encode(), mtime=0)[:-12],
            "cannot be read: .*download it again",
        ),
        ("e.csv.bz2", bz2.compress(TEXT.encode())[:-12], "cannot be read"),
        ("e.csv.xz", lzma.compress(TEXT.encode())[:-12], "cannot be read"),
        ("e.zip", zipped(**{"e.csv": TEXT})[:-30], "cannot be read"),
        ("e.csv.gz", TEXT, r"it is not a \.gz file"),
        ("e.zip", TEXT, "it is not a zip file"),
        ("e.zip", zipped(), "the zip has no file with data"),
        ("e.parquet", TEXT, "it is not a Parquet file"),
        ("e.feather", TEXT, "it is not a Feather file"),
        ("e.parquet", b"PAR1" + bytes(40), "cannot be read"),
        ("e.feather", b"ARROW1" + bytes(40), "cannot be read"),
        ("e.csv", TEXT.replace("0.0003", "0.0003\0"), "row 2: has a NUL byte"),
        ("e.csv", TEXT.encode("utf-16-le"), "row 1: has a NUL byte"),
        (
            "e.csv",
            TEXT.replace("BTC", "BTC£").encode("cp1252"),
            "row 2 is not UTF-8 .*save the file",
        ),
        ("e.csv", TEXT.encode("utf-16")[:-1], "begins as UTF-16 text"),
        (
            "e.xlsx",
            zipped(**{"[Content_Types].xml": "", "xl/workbook.xml": ""}),
            "an Excel workbook",
        ),
        ("e.xls", b"\xd0\xcf\x11\xe0" + bytes(20), "an Excel workbook; save the sheet as CSV"),
        (
            "e.csv",
            b"SQLite format 3\0" + bytes(20),
            "SQLite database; give it a name ending in .db",
        ),
        ("e.tar.gz", gzip.compress(b"x", mtime=0), "is a tar archive"),
        ("e.csv.zst", b"\x28\xb5\x2f\xfd" + bytes(9), "zstd"),
        ("e.csv", HEADER + "\n", "has no rows"),
        ("e.csv", "# only\n\n", "row 1: no header"),
        ("e.csv", f"{HEADER},{HEADER}\n", "column 'timestamp' appears 2 times"),
        ("e.csv", f"{TEXT}2024-01-01,BTCUSDT,okx,0.1,9\n", "cannot be read: .*line 4"),
        ("e.csv", f"{HEADER}\n2024-01-01,BTCUSDT,okx,0.1,9\n", "row 2: more cells than the header"),
        (
            "e.csv",
            f"{HEADER}\n{BODY}".replace("0.0003\n", "0.0003,\n").replace("0.0001\n", "1,2\n"),
            "row 3: more cells than the header",
        ),
        (
            "e.csv",
            f"{HEADER}\n{BODY}{HEADER}\n",
            "row 4, column 'timestamp': not a date: 'timestamp'",
        ),
        (
            "e.csv",
            f"{TEXT}Total,,,0.0004\n",
            "row 4, column 'exchange': the name is empty; fill it",
        ),
        ("e.csv", f"{TEXT}2024-01-01,BTCUSDT\n", "row 4, column 'exchange': the name is empty"),
        ("e.jsonl", JSON_LINES + '{"timestamp": \n', "row 3: cannot be read as JSON"),
        (
            "e.jsonl",
            JSON_LINES + JSON_LINES.splitlines()[0].replace("0.0003", "null"),
            "row 3, column 'funding_rate': the number is missing",
        ),
        (
            "e.json",
            "[" + JSON_LINES.splitlines()[0].replace("0.0003", "true") + "]",
            "row position 0 .*column 'funding_rate': not a number: True",
        ),
        ("e.json", '{"a": [1, 2], "b": [1]}', "columns have different lengths"),
        ("e.json", "[" * 100_000, "row 1: cannot be read as JSON"),
        ("e.json", '[{"t": ' + "9" * 5000 + "}]", "row 1: cannot be read as JSON"),
        ("e.feather", b"FEA1" + bytes(40), "Feather file of version 1"),
    ],
)
def test_refused_naming_the_file_and_what_is_wrong(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, name, content)
    assert name in str(caught.value)


@pytest.mark.parametrize("pack", ["gz", "zip"])
def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(files, "MAX_UNPACKED_BYTES", 10_000)
    text = HEADER + "\n" + BODY * 500
    content = gzip.compress(text.encode(), mtime=0) if pack == "gz" else zipped(**{"e.csv": text})
    assert len(content) < 2_000
    with pytest.raises(DataError, match=r"unpacks to more than 9\.3.*GiB; unpack it yourself"):
        read(tmp_path, f"e.{pack}", content)


def test_names_in_a_zip_touch_nothing_on_disk(tmp_path):
    content = zipped(**{"../../outside.csv": TEXT, "/etc/e.csv": TEXT})
    before = sorted(tmp_path.parent.rglob("*.csv"))
    assert len(read(tmp_path, "e.zip", content)) == 4
    assert sorted(tmp_path.parent.rglob("*.csv")) == before


def test_an_empty_folder(tmp_path):
    (tmp_path / "void").mkdir()
    with pytest.raises(DataError, match="the folder has no file"):
        read_events(tmp_path / "void")
    with pytest.raises(DataError, match=r"absent: cannot be read \(No such file"):
        read_events(tmp_path / "absent")


def test_returns_and_caps_are_opened_in_the_same_way(tmp_path):
    text = "Trading_Pair;Date;Return_1D\nA_x_y;2024-01-01;0.1\n"
    fields = read_returns(write(tmp_path, "r.csv.xz", lzma.compress(text.encode("utf-16"))))
    assert fields.pairs == ("A_x_y",)
    table = open_table(
        write(tmp_path, "c.jsonl", '{"symbol": "A", "market_cap": 1e9}\n'),
        ("symbol", "market_cap"),
        ("date",),
    )
    assert table.frame.to_dict("list") == {"symbol": ["A"], "market_cap": [1e9]}


def test_tables_of_a_folder_are_stacked_and_rows_keep_their_file(tmp_path):
    write(tmp_path, "caps/a.csv", "symbol,market_cap\nA,1\nB,2\n")
    write(tmp_path, "caps/b.csv", "market_cap,symbol\n3,C\nx,D\n")
    table = open_table(tmp_path / "caps", ("symbol", "market_cap"))
    assert table.frame["symbol"].tolist() == ["A", "B", "C", "D"]
    assert table.place(1).endswith("a.csv, row 3")
    assert table.place(3).endswith("b.csv, row 3")


def parquet_bytes():
    into = io.BytesIO()
    frame().to_parquet(into)
    return into.getvalue()


WHOLE = {
    "e.csv": TEXT.encode(),
    "u.csv": TEXT.encode("utf-16"),
    "e.jsonl": JSON_LINES.encode(),
    "e.csv.gz": gzip.compress(TEXT.encode(), mtime=0),
    "e.zip": zipped(**{"e.csv": TEXT}),
    "e.parquet": parquet_bytes(),
}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 3), st.binary(max_size=3)),
        min_size=1,
        max_size=4,
    ),
)
def test_damage_is_refused_or_harmless(tmp_path_factory, name, damages):
    content = WHOLE[name]
    for position, n_lost, put in damages:
        at = position % (len(content) + 1)
        content = content[:at] + put + content[at + n_lost :]
    path = write(tmp_path_factory.mktemp("damaged"), name, content)
    message = None
    try:
        events = read_events([path])
    except DataError as error:
        message = str(error)
    if message is None:
        assert len(events) >= 1
        assert np.isfinite(events.rate).all()
    else:
        assert name in message
