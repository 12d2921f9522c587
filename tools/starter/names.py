"""First names for the speakers of training samples: about 300, from many languages."""

NAMES: tuple[str, ...] = tuple(
    """
    Aaron Abby Adam Aisha Alan Alex Alice Alina Amanda Amber Amir Amy Ana Anders Andrea Andrew Anna Anton Aria
    Arjun Arthur Asha Astrid Ava Aziz Bea Bella Ben Beth Bilal Bob Boris Brian Bruno Caleb Camila Carl Carla
    Carmen Cara Cem Chen Chiara Chloe Chris Claire Clara Colin Connor Cora Dan Dana Daniel Daria David Dean
    Diego Dilnoza Dina Dmitri Ed Ekin Elena Eli Elif Ella Emil Emma Emre Eric Erik Esra Eva Evan Fahad Farah
    Fatima Felix Femi Finn Fiona Florian Frank Freya Gabriel Gemma George Gia Gina Grace Greta Gulnora Hana
    Hannah Hans Harry Hassan Heidi Helen Henrik Hiro Holly Hugo Ian Ibrahim Ida Igor Ilya Ines Inga Irina Isaac
    Isla Ivan Ivy Jack Jacob Jade Jake James Jamal Jan Jana Jane Jasmine Jason Javier Jay Jean Jen Jenny Jess
    Jia Jin Jo Joan Joe Joel John Jonas Jorge Jose Josh Juan Julia June Jun Kai Karen Karim Karl Kate Katya
    Kayla Keiko Ken Kevin Khalid Kim Kiran Klara Kofi Kristof Kwame Kyle Lara Lars Laura Layla Lea Lee Leila
    Lena Leo Li Liam Lily Lin Lina Linh Lisa Liz Lola Louis Luca Lucas Lucia Lucy Luis Luke Luna Maja Malik
    Marco Maria Marie Mark Marta Martin Maryam Mateo Matt Maya Mei Mia Michael Miguel Mike Mila Mina Mira Mo
    Mona Monica Murod Nadia Naomi Nastya Natalie Nate Nick Nico Nigora Nikhil Nina Noah Noor Nora Nuno Oleg Olga
    Oliver Olivia Omar Oscar Otabek Pablo Pam Paolo Paul Pavel Pedro Penny Peter Petra Phil Pia Priya Quinn
    Rachel Rafael Rahul Raj Ravi Rebecca Rex Rita Rob Rohan Ronan Rosa Rose Rui Ruslan Ruth Ryan Sabina Saeed
    Sakura Sam Samira Sana Sandra Sanjay Sara Sardor Sasha Sean Selin Sergei Seth Shirin Simon Sofia Sophie Stan
    Stefan Steve Sue Suki Susan Svetlana Tanya Tara Tariq Ted Temur Theo Tina Tom Tony Ulrich Uma Valentina Vera
    Victor Vikram Viktoria Wei Will Yara Yasmin Yuki Yuna Yusuf Zach Zara Zoe Минсу Алина Дима Саша Юля 민지 서준 지우
    小明 李娜 Łukasz Zoë José André Björn Søren Jürgen Çağla Nguyễn Renée Ömer Şule
    """.split()
)
