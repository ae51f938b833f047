"""Writes labels_by_python.csv as spreadsheets do: every field quoted, semicolons, a byte-order mark, CR LF, line breaks in a cell."""
import csv

with open("labels_by_python.csv", "w", encoding="utf-8-sig", newline="") as file:
    writer = csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerow(["", "file name", "remark", "species"])
    writer.writerow([0, "a; b.jpg", 'said "good"', "größer Fuchs"])
    writer.writerow([1, "c.jpg", "two\nlines", "owl"])
    writer.writerow([2, "e.jpg", "", "größer Fuchs"])
