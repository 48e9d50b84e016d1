/**
 * Words the records are made of, already escaped as JSON string content. Latin-1 letters stand as they are, others as
 * \u escapes: both forms occur in real APIs, and a page of one-byte characters is built several times faster.
 */
export const FIRST_NAMES = json([
  'Anna', 'Ben', 'Chiara', 'David', 'Élodie', 'Fatima', 'Giulia', 'Hannah', 'Ivan', 'Jürgen', 'Katarzyna', 'Lars', 'María', 'Noah', 'Olga', 'Paweł',
  'Quentin', 'Rosa', 'Søren', 'Tomás', 'Ursula', 'Victor', 'Wei', 'Xavier', 'Yusuf', 'Zoë', 'Aoife', 'Björn', 'Carmen', 'Dimitri', 'Emma', 'François',
])
export const LAST_NAMES = json([
  'Müller', 'García', 'Rossi', 'Dubois', 'Kowalski', 'Jansen', 'Andersson', 'Nowak', "O'Brien", 'Silva', 'Novák', 'Schmidt', 'Fernández', 'Bianchi', 'Lefèvre', 'Wiśniewski',
  'de Vries', 'Lindqvist', 'Horváth', 'Popescu', 'Nielsen', 'Weber', 'López', 'Conti', 'Moreau', 'Zając', 'van den Berg', 'Hansen', 'Kovács', 'Ionescu', 'Keller', 'Costa',
])
export const FIRMS = json([
  'Nordlicht', 'Alpenblick', 'Hanse', 'Rheintal', 'Mistral', 'Iberia Sol', 'Tramontana', 'Vistula', 'Øresund', 'Zürisee', 'Bavaria', 'Lumière', 'Adria', 'Baltica', 'Donau', 'Kärnten',
  'Green & Sons', 'Fjord', 'Praha', 'Łódź', 'Montblanc', 'Costa Verde', 'Highland', 'Emerald', 'Aurora', 'Pegasus', 'Quercus', 'Solaris', 'Tandem', 'Umbra', 'Vega', 'Die "Werkstatt"',
])
export const TRADES = json(['Logistics', 'Foods', 'Energy', 'Textiles', 'Pharma', 'Systems', 'Metallbau', 'Consulting', 'Media', 'Travel', 'Papier', 'Optik', 'Hôtels', 'Motors', 'Seeds', 'Studio'])
export const FORMS = json(['GmbH', 'AG', 'SAS', 'S.r.l.', 'Ltd', 'B.V.', 'AB', 'Sp. z o.o.'])
/** City, country and the currency used there. */
export const PLACES: readonly { city: string; country: string; currency: string }[] = [
  place('Berlin', 'DE', 'EUR'), place('München', 'DE', 'EUR'), place('Paris', 'FR', 'EUR'), place('Lyon', 'FR', 'EUR'),
  place('Milano', 'IT', 'EUR'), place('Madrid', 'ES', 'EUR'), place('Málaga', 'ES', 'EUR'), place('Amsterdam', 'NL', 'EUR'),
  place('Zürich', 'CH', 'CHF'), place('Genève', 'CH', 'CHF'), place('London', 'GB', 'GBP'), place('Leeds', 'GB', 'GBP'),
  place('Malmö', 'SE', 'SEK'), place('København', 'DK', 'DKK'), place('Kraków', 'PL', 'PLN'), place('Łódź', 'PL', 'PLN'),
]
export const MEMOS = json([
  'Monthly retainer', 'Rückerstattung', 'Spring order, 2nd part', 'see contract "B-17"', 'Café supplies', 'path\\to\\file', 'tab\tseparated', 'Prämie 🎉', 'urgent!', 'line one\nline two', '100 % cotton', 'Ünïcödé',
])
export const TAGS = json(['recurring', 'travel', 'office', 'export', 'vat-free', 'review', 'priority', 'q4'])
export const ITEMS = json(['Oak desk', 'Desk lamp', 'Notebook A5', 'Espresso beans 1 kg', 'Bürostuhl', 'USB-C cable', 'Support hour', 'Wall paint 5 l'])

function place(city: string, country: string, currency: string) {
  return { city: json([city])[0]!, country, currency }
}

function json(words: string[]): string[] {
  return words.map((w) => JSON.stringify(w).slice(1, -1).replace(/[^\u0000-\u00ff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`))
}
