// Groups conversations by their day, in the reader's time zone.

const MONTH = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric" });

/**
 * Groups conversations, which are sorted, under headings.
 *
 * @returns {{heading: string, items: object[]}[]}
 */
export function grouped(conversations, now = new Date()) {
  const groups = [];
  for (const conversation of conversations) {
    const heading = headingOf(conversation, now);
    if (groups.at(-1)?.heading !== heading) groups.push({ heading, items: [] });
    groups.at(-1).items.push(conversation);
  }
  return groups;
}

function headingOf({ updated_at: updatedAt }, now) {
  const updated = new Date(updatedAt);
  const days = Math.round((midnight(now) - midnight(updated)) / 86_400_000);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return "Last 7 days";
  if (days < 30) return "Last 30 days";
  return MONTH.format(updated);
}

function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}
